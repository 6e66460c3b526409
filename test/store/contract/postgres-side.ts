// Postgres, for the contract. It is told the time: a function of that name stands before its own, so that equal steps
// give equal moments.
import postgres from 'postgres'
import { postgresOperatorStore } from '../../../control-plane/http/operator-store.ts'
import * as fenceDevices from '../../../control-plane/http/records/fence-devices.ts'
import { postgresFenceStore } from '../../../control-plane/fence/fence-store.ts'
import type { AuditRow } from '../../../control-plane/http/records/audit.ts'
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import { postgresLane } from '../../../control-plane/lease/lease-lane.ts'
import { postgresAgentStore } from '../../../control-plane/store/agent-store.ts'
import { createCluster } from '../../../control-plane/store/bootstrap.ts'
import { load } from '../../../control-plane/store/load-view.ts'
import { writeNodeUsage } from '../../../control-plane/store/node-usage.ts'
import { postgresRoundStore } from '../../../control-plane/store/round-store.ts'
import { hashSecret } from '../../../control-plane/store/secrets.ts'
import type { ClusterView } from '../../../control-plane/cluster/view.ts'
import type { Settings } from '../../../shared/settings.ts'
import { Chance } from '../../sim/random.ts'
import { type SharedClock, type Side, type Wishes } from './side.ts'
import { wishesOver } from './wishes-over.ts'

/** Defaults that were bound to the real clock when the tables were made. */
const defaults = [
  ['lease', 'lease_until'],
  ['node', 'joined_at'],
  ['crm', 'next_round_at'],
  ['command', 'created_at'],
]

/** Puts the told clock in front of the server's own, for every connection from now on. */
export async function tellTheTime(sql: postgres.Sql, clock: SharedClock): Promise<void> {
  await sql`create schema told`
  await sql`create table told.moment (at timestamptz)`
  await sql`insert into told.moment values (from_epoch_ms(${clock.nowMs}))`
  await sql`create function told.clock_timestamp() returns timestamptz volatile language sql
    as 'select at from told.moment'`
  for (const [table, column] of defaults)
    await sql.unsafe(
      `alter table ${table} alter column ${column} set default told.clock_timestamp()`,
    )
  const [row] = await sql<{ name: string }[]>`select current_database() as name`
  await sql.unsafe(`alter database ${row!.name} set search_path = told, public, pg_catalog`)
}

export async function setTime(sql: postgres.Sql, clock: SharedClock): Promise<void> {
  await sql`update told.moment set at = from_epoch_ms(${clock.nowMs})`
}

export async function postgresSide(
  url: string,
  settings: Settings,
  name: string,
): Promise<Side & { sql: postgres.Sql }> {
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  const random = new Chance(name)
  const cluster = { name, development: true, settings }
  const { id: clusterId, uuid } = await createCluster(sql, cluster, random)
  const operators = postgresOperatorStore(sql, null)
  const wishes: Wishes = {
    ...wishesOver(operators, clusterId),
    usage: (all) => writeNodeUsage(sql, all),
    fenceDevice: async (uid, device) => {
      const row = { ...device, options: { node: null }, secret: null }
      await fenceDevices.putFenceDevice(sql, clusterId, uid, row)
    },
    deleteFenceDevice: async (uid, device) =>
      void (await fenceDevices.deleteFenceDevice(sql, uid, device)),
    joinToken: async (secret, uses, node) => {
      await sql`
        insert into join_token (id, hash, cluster_id, node, uses_left, created_by, expires_at)
        values (gen_random_uuid(), ${hashSecret(secret)}, ${clusterId}, ${node}, ${uses}, 'test',
          clock_timestamp() + interval '1 day')`
    },
    otherServer: async (which) => {
      await sql`
        update plane_epoch set
          postmaster_start = case when ${which} = 'restarted'
            then postmaster_start - interval '1 h' else postmaster_start end,
          timeline = case when ${which} = 'promoted' then 'another' else timeline end,
          system_id = case when ${which} = 'replaced' then 'another' else system_id end
        where cluster_id = ${clusterId}`
    },
  }
  const lane = postgresLane(url)
  return {
    ...{ sql, wishes, operators, random, clusterId, clusterUuid: uuid, lane },
    witness: new ClockWitness(),
    operatorToken: async ({ id, name: held, role, hash, everywhere }) => {
      await sql`
        insert into token (id, name, role, hash, cluster_id)
        values (${id}, ${held}, ${role}, ${hash}, ${everywhere ? null : clusterId})`
    },
    audit: async () => [
      ...(await sql<AuditRow[]>`
        select cluster_id as "clusterId", actor, method, path, status, detail from audit_log
        where cluster_id = ${clusterId} order by id`),
    ],
    agents: postgresAgentStore(sql, random),
    // With what a replica remembers from round to round.
    rounds: postgresRoundStore(sql, null),
    fences: postgresFenceStore(sql, 'r1'),
    view: async () => (await load(sql, clusterId))?.view as ClusterView,
    all: async () => ({ ...(await load(sql, clusterId)), known: null }),
    close: async () => {
      await lane.close()
      await sql.end({ timeout: 2 })
    },
  }
}
