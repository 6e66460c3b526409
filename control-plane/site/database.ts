// The site's own Postgres: on a free port, watched, started again when it ends, stopped even when the site is killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { Complaint } from './complaint.ts'
import { type DataFolder, writeJson } from './data-folder.ts'
import { type EmbeddedPostgres, startPostgres } from './embedded-postgres.ts'
import { freePort, isPortFree } from './ports.ts'

const databaseName = 'holdfast'
const restartDelayMs = 1_000

/**
 * Waits for the end of its standard input. "stopped" means that the site has stopped Postgres itself; anything else that
 * the site was killed: then Postgres is told to stop. A shell, because it costs nothing while it waits.
 */
const guardScript = 'read -r word; [ "$word" = stopped ] || kill -INT "$1"'

export type Database = {
  url: string
  stop: () => Promise<void>
}

export async function startDatabase(
  folder: DataFolder,
  say: (line: string) => void,
): Promise<Database> {
  const dir = join(folder.home, 'postgres')
  await endOther(join(dir, 'data'), folder.wasKilled)
  const port = await choosePort(folder)
  const logFile = join(folder.home, 'logs/postgres.log')
  const begin = () => startPostgres({ dir, port, logFile, ownSession: true })
  let server = await begin().catch((error: Error) => {
    const [first, ...rest] = error.message.split('\n').filter((line) => /\S/.test(line))
    const reason = rest.find((line) => /FATAL|PANIC|ERROR/.test(line)) ?? rest.at(-1) ?? first
    throw new Complaint(`Postgres does not start in ${dir}: ${reason} (${logFile})`)
  })
  let guard = guardOf(server)
  let stopping = false
  const watch = async () => {
    for (;;) {
      const code = await server.ended
      guard.stdin?.end('stopped\n')
      if (stopping) return
      say(`Postgres ended (exit code ${code}) and is started again; its log is ${logFile}`)
      for (;;) {
        await pause(restartDelayMs)
        if (stopping) return
        try {
          server = await begin()
          break
        } catch (error) {
          say(`Postgres does not start: ${(error as Error).message.split('\n')[0]}`)
        }
      }
      guard = guardOf(server)
    }
  }
  const watched = watch()
  const url = server.url(databaseName)
  await createDatabase(server)
  writeJson(join(folder.home, 'postgres.json'), { url, dir, port })
  return {
    url,
    async stop() {
      stopping = true
      await server.stop()
      await watched
    },
  }
}

function guardOf(server: EmbeddedPostgres): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', guardScript, 'guard', String(server.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.stdin?.on('error', () => {})
  guard.once('error', () => {})
  return guard
}

async function choosePort(folder: DataFolder): Promise<number> {
  const before = folder.record.postgresPort
  const port = before !== null && (await isPortFree(before)) ? before : await freePort()
  folder.save({ postgresPort: port })
  return port
}

async function createDatabase(server: EmbeddedPostgres): Promise<void> {
  const sql = postgres(server.url('postgres'), { max: 1, onnotice: () => {} })
  try {
    const [found] = await sql`select 1 from pg_database where datname = ${databaseName}`
    if (!found) await sql`create database ${sql(databaseName)}`
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/**
 * A server that has our data folder open, although this site does not run it. After a killed run it is what that left behind,
 * guard and all, and is stopped; else it belongs to an admin command, which is left to finish.
 */
async function endOther(data: string, isLeftOver: boolean): Promise<void> {
  const pid = otherServer(data)
  if (pid === null) return
  for (let tenths = 0; otherServer(data) === pid; tenths++) {
    // Fast shutdown, which the guard may have asked for already; and no more patience after 10 s.
    if (isLeftOver && tenths === 0) process.kill(pid, 'SIGINT')
    if (isLeftOver && tenths === 100) process.kill(pid, 'SIGQUIT')
    if (!isLeftOver && tenths === 100)
      throw new Complaint(
        `${data} is in use by Postgres process ${pid}: end what runs it, and try again`,
      )
    await pause(100)
  }
}

/** The postmaster named by the folder's lock file, if that is really one with this folder open. */
function otherServer(data: string): number | null {
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return pid > 1 && words.includes(data) ? pid : null
  } catch {
    return null
  }
}
