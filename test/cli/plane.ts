// A real plane for the command line tool: the HTTP application on a database of its own. No CRM runs unless a test does.
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { pino } from 'pino'
import type postgres from 'postgres'
import { createApp } from '../../control-plane/http/app.ts'
import { postgresOperatorStore } from '../../control-plane/http/operator-store.ts'
import { createCluster, createToken, profileSettings } from '../../control-plane/store/bootstrap.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'

export type TestPlane = { url: string; close(): Promise<void> }

/** Serves the API on a free port. */
export async function servePlane(sql: postgres.Sql): Promise<TestPlane> {
  const app = createApp({
    store: postgresOperatorStore(sql, null),
    sql,
    clock: systemClock(),
    random: systemRandom(),
    log: pino({ level: 'silent' }),
    replica: { name: 'plane-test', url: 'http://127.0.0.1' },
    ring: () => {},
    ready: async () => null,
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise<void>((resolve) => server.once('listening', () => resolve()))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
  }
}

/** A cluster with an admin token of its own. */
export async function makeCluster(
  sql: postgres.Sql,
  name: string,
): Promise<{ id: number; token: string }> {
  const settings = profileSettings('default')
  const { id } = await createCluster(sql, { name, development: true, settings })
  const { secret } = await createToken(sql, { name: 'test', role: 'admin', clusterId: null })
  return { id, token: secret }
}

/** A node that joined and has a current lease, as rows. */
export async function makeNode(
  sql: postgres.Sql,
  clusterId: number,
  name: string,
): Promise<string> {
  const uid = randomUUID()
  const watchdog = { class: 'simulated', identity: 'simulated', effectiveMs: 10_000 }
  await sql`
    insert into node (uid, cluster_id, name, hardware_id, credential_hash, drivers, capacity,
      watchdog, virtual, agent_version)
    values (${uid}, ${clusterId}, ${name}, ${uid}, ${uid}, '["process"]', '{"cpus":1,"memoryBytes":1}',
      ${JSON.stringify(watchdog)}::text::jsonb, false, 'test')`
  await sql`
    insert into lease (node_uid, cluster_id, epoch, boot_id, seq, lease_until, lease_ms, renewed_at,
      reported_at, armed, guarded)
    values (${uid}, ${clusterId}, 2, 'boot-1', 1, clock_timestamp() + interval '60 s', 60000,
      clock_timestamp(), clock_timestamp(), true, true)`
  await sql`
    insert into node_status (node_uid, cluster_id, state, since)
    values (${uid}, ${clusterId}, 'online', clock_timestamp())`
  return uid
}

/** A service that runs on a node, as rows: wish, state, open grant and holder. */
export async function makeRunning(
  sql: postgres.Sql,
  clusterId: number,
  sid: string,
  nodeUid: string,
): Promise<number> {
  const spec = JSON.stringify({ command: ['true'], environment: {} })
  const record = {
    uid: randomUUID(),
    target: null,
    running: true,
    failedNodes: [],
    command: null,
    stopTimeoutMs: null,
    restart: false,
    fallbackNode: null,
    moveFailures: 0,
    retryAtMs: null,
    deadlineMs: null,
    probeRound: null,
    groupUnavailable: false,
  }
  await sql`
    insert into service (cluster_id, sid, requested, spec)
    values (${clusterId}, ${sid}, 'started', ${spec}::text::jsonb)`
  await sql`
    insert into service_status (cluster_id, sid, state, node_uid, since, record)
    values (${clusterId}, ${sid}, 'started', ${nodeUid}, clock_timestamp(),
      ${JSON.stringify(record)}::text::jsonb)`
  const [row] = await sql<{ generation: number }[]>`
    update crm set next_generation = next_generation + 1 where cluster_id = ${clusterId}
    returning (next_generation - 1)::int as generation`
  const { generation } = row as { generation: number }
  await sql`
    insert into run_grant (cluster_id, sid, generation, opened_at)
    values (${clusterId}, ${sid}, ${generation}, clock_timestamp())`
  await sql`
    insert into run_grant_holder (cluster_id, sid, generation, node_uid, epoch, opened_at, confirmed_at,
      confirmed_plane_epoch)
    select ${clusterId}, ${sid}, ${generation}, ${nodeUid}, epoch, clock_timestamp(), clock_timestamp(), 1
    from lease where node_uid = ${nodeUid}`
  return generation
}
