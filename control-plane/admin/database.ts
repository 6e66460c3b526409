// Finds the database, with or without a running plane: DATABASE_URL, else that of the site on this machine, whose own
// Postgres is started for the length of the command if it is not running. Must never start a second server on a
// folder in use: a running one is recognised by its own lock file and used.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import type postgres from 'postgres'
import { holdfastHome } from '../cli/context.ts'
import { type Failure, unreachable } from '../cli/failure.ts'

type Environment = Record<string, string | undefined>
type Database = { url: string; close(): Promise<void> }

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The name of the site's database, unless its postgres.json says otherwise. */
const siteDatabase = 'holdfast'

/** Opens the database, works, and leaves everything as it was found. */
export async function withDatabase<Result>(
  work: (sql: postgres.Sql, url: string) => Promise<Result>,
  env: Environment = process.env,
): Promise<Result> {
  const database = await openDatabase(env)
  try {
    return await withClient(database.url, work)
  } finally {
    await database.close()
  }
}

async function withClient<Result>(
  url: string,
  work: (sql: postgres.Sql, url: string) => Promise<Result>,
): Promise<Result> {
  const { default: connect } = await import('postgres')
  const sql = connect(url, {
    max: 2,
    onnotice: () => {},
    connect_timeout: 5,
    connection: { application_name: 'holdfast admin' },
  })
  try {
    await sql`select 1`
  } catch (cause) {
    await sql.end({ timeout: 1 })
    throw connectFailure(url, cause)
  }
  try {
    return await work(sql, url)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function openDatabase(env: Environment): Promise<Database> {
  if (env.DATABASE_URL) return { url: env.DATABASE_URL, close: async () => {} }
  const given = holdfastHome(env)
  // As the site names it, which is how its server is told from others.
  const home = existsSync(given) ? realpathSync(given) : given
  const dir = path.join(home, 'postgres')
  if (!existsSync(path.join(dir, 'data', 'PG_VERSION')))
    throw unreachable('no database is known', {
      code: 'no-database',
      advice: `Set DATABASE_URL, or HOLDFAST_HOME to the folder of a site (there is none in ${home}).`,
    })
  const database = databaseName(home)
  const port = runningPort(path.join(dir, 'data'))
  if (port !== null)
    return { url: `postgres://postgres@127.0.0.1:${port}/${database}`, close: async () => {} }
  return startForNow(dir, database)
}

async function startForNow(dir: string, database: string): Promise<Database> {
  const { startPostgres } = await import('../site/embedded-postgres.ts')
  try {
    const server = await startPostgres({ dir, port: await freePort() })
    // It must not outlive a command that is interrupted.
    const interrupted = () => void server.stop().finally(() => process.exit(130))
    for (const signal of signals) process.once(signal, interrupted)
    return {
      url: server.url(database),
      close: async () => {
        for (const signal of signals) process.off(signal, interrupted)
        await server.stop()
      },
    }
  } catch (cause) {
    throw unreachable(`the Postgres in ${dir} does not start: ${(cause as Error).message}`, {
      code: 'postgres-start',
      advice: 'Is a site being started or stopped right now? Then try again in a moment.',
    })
  }
}

/** The port of the server that runs on a data folder, by its own lock file; null where none does. */
function runningPort(data: string): number | null {
  let lines: string[]
  try {
    lines = readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return null
  }
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  return pid > 0 && port > 0 && isPostgres(pid, data) ? port : null
}

/** A lock file outlives a kill, and its number may belong to another program by now. */
function isPostgres(pid: number, data: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data)
  } catch {
    return false
  }
}

function databaseName(home: string): string {
  try {
    const { url } = JSON.parse(readFileSync(path.join(home, 'postgres.json'), 'utf8')) as {
      url: string
    }
    return URL.parse(url)?.pathname.slice(1) || siteDatabase
  } catch {
    return siteDatabase
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, '127.0.0.1')
    probe.once('error', reject)
    probe.once('listening', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function connectFailure(url: string, cause: unknown): Failure {
  const { code = 'unknown', message = '' } = cause as { code?: string; message?: string }
  const parsed = URL.parse(url)
  const where = parsed ? `${parsed.host}${parsed.pathname}` : 'DATABASE_URL'
  return unreachable(`the database at ${where} cannot be used: ${message || code}`, {
    code: `database-${code.toLowerCase()}`,
    advice: 'Check DATABASE_URL, and that the server runs and lets you in.',
  })
}

/** A table that is missing means a database that was never set up, or is older than this program. */
export function missingSchema(cause: unknown): boolean {
  const code = (cause as { code?: string }).code
  return code === '42P01' || code === '42703'
}
