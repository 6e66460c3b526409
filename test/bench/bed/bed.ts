// What benches stand on: one real Postgres with fsync on, a database of its own for each bench, real replicas.
// Everything is under one temporary folder, and nothing is left behind, also after Ctrl-C.
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import {
  type EmbeddedPostgres,
  startPostgres,
} from '../../../control-plane/site/embedded-postgres.ts'
import { createCluster } from '../../../control-plane/store/bootstrap.ts'
import { migrate } from '../../../control-plane/store/migrate.ts'
import { Settings } from '../../../shared/settings.ts'
import { profiles, type Timing } from '../../../shared/timing.ts'
import { MarkedProcess } from '../../e2e/marked-process.ts'
import { ReplicaProcess } from '../../e2e/replica-process.ts'
import { freePort } from '../../global-setup.ts'

export type Server = {
  dir: string
  postgres: EmbeddedPostgres
  version: { postgres: string; fsync: string }
  stop(): Promise<void>
}

export type BenchCluster = { id: number; uuid: string; name: string; planeUuid: string }

const template = 'template_bench'

/** Starts Postgres as a site does: durable, nothing tuned. */
export async function startServer(): Promise<Server> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-'))
  const port = await freePort()
  const server = await startPostgres({ dir, port, fast: false, logFile: `${dir}/postgres.log` })
  const kill = () => void process.kill(server.pid, 'SIGINT')
  process.once('exit', kill)
  const admin = postgres(server.url('postgres'), { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${template}`)
  const [row] = await admin`
    select current_setting('server_version') as version, current_setting('fsync') as fsync`
  await admin.end()
  await migrate(server.url(template))
  return {
    dir,
    postgres: server,
    version: { postgres: row?.version as string, fsync: row?.fsync as string },
    stop: async () => {
      await server.stop()
      process.off('exit', kill)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** One bench's database and the processes on it. */
export class Bed {
  readonly dir: string
  readonly url: string
  readonly sql: postgres.Sql
  readonly server: Server
  readonly #processes: MarkedProcess[] = []

  private constructor(server: Server, url: string) {
    this.server = server
    this.dir = mkdtempSync(path.join(server.dir, 'bed-'))
    this.url = url
    this.sql = postgres(url, { max: 5, onnotice: () => {} })
  }

  static async make(server: Server, name: string): Promise<Bed> {
    const database = `bench_${name}`
    const admin = postgres(server.postgres.url('postgres'), { max: 1, onnotice: () => {} })
    await admin.unsafe(`drop database if exists ${database} with (force)`)
    await admin.unsafe(`create database ${database} template ${template}`)
    await admin.end()
    return new Bed(server, server.postgres.url(database))
  }

  async cluster(name: string, timing: Timing = profiles.default): Promise<BenchCluster> {
    const settings = Settings.parse({ profile: 'custom', timing })
    const made = await createCluster(this.sql, { name, development: true, settings })
    const [row] = await this.sql`select uuid from plane_epoch where cluster_id = ${made.id}`
    return { ...made, name, planeUuid: row?.uuid as string }
  }

  /** Starts a replica and waits until it is ready. `url`: the way it takes to the database, if not the straight one. */
  async replica(name: string, port?: number, url = this.url): Promise<ReplicaProcess> {
    const replica = this.keep(
      new ReplicaProcess({
        ...{ site: this.dir, name, dir: this.dir, databaseUrl: url },
        port: port ?? (await freePort()),
      }),
    )
    return replica.ready()
  }

  /** Ends with the bed, at the latest. */
  keep<T extends MarkedProcess>(started: T): T {
    this.#processes.push(started)
    return started
  }

  /** Last started, first ended. */
  async end(): Promise<void> {
    for (const one of this.#processes.toReversed()) await one.end('SIGTERM', 5_000)
    await this.sql.end({ timeout: 2 })
  }
}
