// The operator API on a real database, asked in process. Nothing of ours is replaced; only the CRM does not run here, so
// that a test sees exactly what a request wrote.
import { PgBoss } from 'pg-boss'
import pino from 'pino'
import postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { createApp } from '../../control-plane/http/app.ts'
import { postgresOperatorStore } from '../../control-plane/http/operator-store.ts'
import { createCluster, createToken, profileSettings } from '../../control-plane/store/bootstrap.ts'
import { systemClock } from '../../shared/clock.ts'
import type { Role } from '../../shared/operator-api.ts'
import { systemRandom } from '../../shared/random.ts'
import { testDatabase } from '../database.ts'

export type Answer<T = any> = { status: number; body: T; headers: Headers; text: string }
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

export type Api = {
  readonly sql: postgres.Sql
  readonly app: ReturnType<typeof createApp>
  readonly boss: PgBoss
  readonly clusterId: number
  /** Inside cluster `lab`, as an admin of every cluster. */
  readonly ask: Ask
  readonly rung: number[]
  as(secret: string | null, base?: string): Ask
  token(role: Role, clusterId: number | null, ttlSeconds?: number): Promise<string>
}

/** Call at the top of a test file. */
export function testApi(): Api {
  const database = testDatabase()
  const rung: number[] = []
  let app: ReturnType<typeof createApp>
  let boss: PgBoss
  let clusterId = 0
  let admin = ''

  const as: Api['as'] = (secret, base = '/api/v1/clusters/lab') => asking(() => app, secret, base)
  const token = async (role: Role, cluster: number | null, ttlSeconds?: number) =>
    (await createToken(database.sql, { name: `a ${role}`, role, clusterId: cluster, ttlSeconds }))
      .secret

  beforeAll(async () => {
    boss = await startBoss(database.url)
    app = createApp({
      store: postgresOperatorStore(database.sql, boss),
      sql: database.sql,
      clock: systemClock(),
      random: systemRandom(),
      log: pino({ level: 'silent' }),
      replica: { name: 'r1', url: 'http://127.0.0.1' },
      ring: (id) => rung.push(id),
      ready: async () => null,
    })
    const settings = profileSettings('default')
    const made = await createCluster(database.sql, { name: 'lab', development: true, settings })
    clusterId = made.id
    admin = await token('admin', null)
  })
  afterAll(async () => {
    await boss.stop({ graceful: false })
  })
  return {
    rung,
    as,
    token,
    ask: (...args) => as(admin)(...args),
    get sql() {
      return database.sql
    },
    get app() {
      return app
    },
    get boss() {
      return boss
    },
    get clusterId() {
      return clusterId
    },
  }
}

async function startBoss(url: string): Promise<PgBoss> {
  const quiet = { supervise: false, schedule: false, migrate: false }
  const boss = new PgBoss({ connectionString: url, max: 1, ...quiet })
  boss.on('error', () => {})
  await boss.start()
  return boss
}

function asking(app: () => Api['app'], secret: string | null, base: string): Ask {
  return async (method, path, body, more = {}) => {
    const raw = typeof body === 'string' ? body : JSON.stringify(body)
    const headers: Record<string, string> = {
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      ...(raw === undefined ? {} : described(raw)),
      ...more,
    }
    const init = { method, headers, ...(raw === undefined ? {} : { body: raw }) }
    const response = await app().request(base + path, init)
    const text = await response.text()
    return { status: response.status, body: parsed(text), headers: response.headers, text }
  }
}

function described(raw: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(raw)),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

type NodeOptions = { renewedMsAgo?: number | null; drivers?: string[]; leaseLeftMs?: number }

/** A node with a lease in force, as if its agent had renewed it. */
export async function addNode(api: Api, name: string, options: NodeOptions = {}): Promise<string> {
  const { renewedMsAgo = 0, drivers = ['process'], leaseLeftMs = 60_000 } = options
  const uid = crypto.randomUUID()
  const id = api.clusterId
  const watchdog = { class: 'simulated', identity: 'test', effectiveMs: 10_000 }
  await api.sql`
    insert into node (uid, cluster_id, name, hardware_id, credential_hash, drivers, capacity,
      watchdog, virtual, agent_version)
    values (${uid}, ${id}, ${name}, ${`hardware-${name}`}, ${uid},
      ${JSON.stringify(drivers)}::text::jsonb, '{"cpus":2,"memoryBytes":1000000}',
      ${JSON.stringify(watchdog)}::text::jsonb, false, 'test')`
  await api.sql`
    insert into lease (node_uid, cluster_id, epoch, boot_id, seq, lease_until, lease_ms, renewed_at,
      reported_at, armed, guarded)
    values (${uid}, ${id}, 1, ${`boot-${name}`}, 1,
      clock_timestamp() + ${`${leaseLeftMs} milliseconds`}::interval, 60000,
      clock_timestamp() - ${renewedMsAgo === null ? null : `${renewedMsAgo} milliseconds`}::interval,
      clock_timestamp() - ${renewedMsAgo === null ? null : `${renewedMsAgo} milliseconds`}::interval,
      true, true)`
  await api.sql`
    insert into node_status (node_uid, cluster_id, state, since)
    values (${uid}, ${id}, 'online', clock_timestamp())`
  return uid
}

let generations = 100

/** An open grant of `sid`, held and confirmed by the node. */
export async function openGrant(api: Api, sid: string, nodeUid: string): Promise<number> {
  generations += 1
  await api.sql`
    insert into run_grant (cluster_id, sid, generation, opened_at)
    values (${api.clusterId}, ${sid}, ${generations}, clock_timestamp())`
  await api.sql`
    insert into run_grant_holder (cluster_id, sid, generation, node_uid, epoch, opened_at,
      confirmed_at, confirmed_plane_epoch)
    values (${api.clusterId}, ${sid}, ${generations}, ${nodeUid}, 1, clock_timestamp(),
      clock_timestamp(), 1)`
  return generations
}

/** Everything an operator can change, as text: equal before and after means that nothing changed. */
export async function wishes(api: Api): Promise<string> {
  const { sql } = api
  const tables = await Promise.all([
    sql`select * from cluster order by id`,
    sql`select * from service order by cluster_id, sid`,
    sql`select * from node_group order by cluster_id, name`,
    sql`select * from rule order by cluster_id, position, id`,
    sql`select * from command order by uid`,
    sql`select uid, name, maintenance_requested, removed_at from node order by uid`,
    sql`select node_uid, epoch, boot_id, lease_until from lease order by node_uid`,
    sql`select id, revoked_at from token order by id`,
    sql`select id, revoked_at from join_token order by id`,
    sql`select id from evidence order by id`,
    sql`select node_uid, epoch from revocation order by node_uid, epoch`,
    sql`select id from change_log order by id`,
    sql`select count(*) from pgboss.job`,
  ])
  return JSON.stringify(tables)
}

/** A body that adds `process:<name>`. */
export function service(name: string, more: Record<string, unknown> = {}) {
  return { sid: `process:${name}`, spec: { command: ['/bin/sleep', '1000'] }, ...more }
}
