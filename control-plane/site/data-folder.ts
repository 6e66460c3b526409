// The folder that holds a site: found, checked, locked. It must never write into a folder that is somebody else's, nor
// let two sites share one.
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Complaint } from './complaint.ts'
import { packagedMajor } from './embedded-postgres.ts'

/** site.json: what the next start must know. */
export type SiteRecord = {
  format: 1
  nodes: number
  samplesCreated: boolean
  webPort: number | null
  postgresPort: number | null
  /** Of the start process while it runs; left behind when it was killed. */
  pid: number | null
}

export type DataFolder = {
  home: string
  record: SiteRecord
  /** The run before this one was killed: parts of it may still be on their way out. */
  wasKilled: boolean
  save(change: Partial<SiteRecord>): void
}

const marker = 'site.json'

/** Opens `given` as a site's folder, or makes it one. Throws a `Complaint` when it cannot be. */
export async function openDataFolder(given: string): Promise<DataFolder> {
  const home = makeFolder(given)
  await lock(home)
  const record = readRecord(home)
  checkPostgres(home)
  const folder: DataFolder = {
    home,
    record,
    wasKilled: record.pid !== null,
    save(change) {
      folder.record = { ...folder.record, ...change }
      writeJson(join(home, marker), folder.record)
    },
  }
  folder.save({ pid: process.pid })
  for (const name of ['logs', 'nodes', 'postgres', 'samples'])
    mkdirSync(join(home, name), { recursive: true, mode: 0o700 })
  return folder
}

/** Writes atomically, readable by the owner alone. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

function makeFolder(given: string): string {
  try {
    mkdirSync(given, { recursive: true, mode: 0o700 })
    accessSync(given, constants.R_OK | constants.W_OK | constants.X_OK)
    return realpathSync(given)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      throw new Complaint(`no permission to write ${given}: choose another folder with --home`)
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new Complaint(`${given} is not a folder: choose another with --home`)
    throw new Complaint(`${given} cannot be used: ${(error as Error).message}`)
  }
}

/** An abstract socket: taken atomically, and given back by the kernel however this process ends. */
async function lock(home: string): Promise<void> {
  const digest = createHash('sha256').update(home).digest('hex').slice(0, 32)
  const server = createServer((socket) => socket.destroy())
  const taken = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(`\0holdfast-site-${digest}`, () => resolve(true))
  })
  server.unref()
  if (!taken)
    throw new Complaint(
      `a site is already running in ${home}: stop it first, or choose another folder with --home`,
    )
}

function readRecord(home: string): SiteRecord {
  const path = join(home, marker)
  const fresh: SiteRecord = {
    format: 1,
    nodes: 3,
    samplesCreated: false,
    webPort: null,
    postgresPort: null,
    pid: null,
  }
  if (!existsSync(path)) {
    const others = readdirSync(home).filter((name) => name !== `${marker}.new`)
    if (others.length === 0) return fresh
    throw new Complaint(
      `${home} holds something that is not a site (${others.slice(0, 3).join(', ')}): choose another folder with --home`,
    )
  }
  try {
    const record = JSON.parse(readFileSync(path, 'utf8'))
    if (record.format !== 1) throw new Error('unknown format')
    return { ...fresh, ...record }
  } catch {
    throw new Complaint(
      `${path} is broken: restore it, or move ${home} away to begin with a new site`,
    )
  }
}

function checkPostgres(home: string): void {
  const data = join(home, 'postgres/data')
  if (!existsSync(data)) return
  const version = join(data, 'PG_VERSION')
  if (!existsSync(version)) {
    // An empty folder is what an interrupted first start leaves behind; initdb accepts it.
    if (readdirSync(data).length === 0) return
    throw new Complaint(
      `${data} is broken (no PG_VERSION): restore it, or move ${home} away to begin with a new site`,
    )
  }
  const major = readFileSync(version, 'utf8').trim()
  if (major !== packagedMajor)
    throw new Complaint(
      `${data} belongs to Postgres ${major}, and this is Postgres ${packagedMajor}: start it with the Holdfast it was made by`,
    )
}
