// Rows for tests of the lease path: a cluster and nodes with an open lease epoch, as the routes and the CRM leave them.
import type postgres from 'postgres'
import pino from 'pino'
import { randomUUID } from 'node:crypto'
import { postgresLane } from '../../control-plane/lease/lease-lane.ts'
import { Renewals } from '../../control-plane/lease/renewals.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import {
  createCluster,
  createJoinToken,
  profileSettings,
} from '../../control-plane/store/bootstrap.ts'
import { join } from '../../control-plane/store/nodes.ts'
import { systemClock, systemTimers } from '../../shared/clock.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { systemRandom } from '../../shared/random.ts'

export type TestNode = { uid: string; credential: string; name: string; bootId: string }
export type TestCluster = { id: number; uuid: string; planeUuid: string }

export async function makeCluster(sql: postgres.Sql, name: string): Promise<TestCluster> {
  const settings = profileSettings('default')
  const { id, uuid } = await createCluster(sql, { name, development: true, settings })
  const [row] = await sql`select uuid from plane_epoch where cluster_id = ${id}`
  return { id, uuid, planeUuid: row?.uuid as string }
}

/** Joins through the real statement, then opens the first epoch as a round would. */
export async function makeNode(sql: postgres.Sql, cluster: TestCluster, name: string) {
  const token = { clusterId: cluster.id, uses: 1, ttlSeconds: 60, createdBy: 'test' }
  const { secret } = await createJoinToken(sql, token)
  const bootId = randomUUID()
  const joined = await join(
    sql,
    {
      joinToken: secret,
      node: name,
      hardwareId: `hw-${name}`,
      bootId,
      capacity: { cpus: 2, memoryBytes: 1e9 },
      watchdog: { class: 'simulated', identity: 'test', effectiveMs: 10_000 },
      virtual: false,
      drivers: ['process'],
      agentVersion: 'test',
    },
    systemRandom(),
  )
  if (typeof joined === 'string') throw new Error(joined)
  await sql`update lease set boot_id = ${bootId} where node_uid = ${joined.node.nodeUid}`
  const { credential } = joined
  return { uid: joined.node.nodeUid, credential, name, bootId } satisfies TestNode
}

export function request(
  cluster: TestCluster,
  node: TestNode,
  seq: number,
  more: Partial<LeaseRequest> = {},
): LeaseRequest {
  return {
    clusterUuid: cluster.uuid,
    nodeUid: node.uid,
    epoch: 1,
    bootId: node.bootId,
    seq,
    planeEpoch: { number: 1, uuid: cluster.planeUuid },
    armed: false,
    release: false,
    revision: 0,
    lrmState: 'active',
    mode: 'active',
    running: [],
    closed: [],
    confirms: [],
    results: [],
    ...more,
  }
}

export function makeRenewals(
  url: string,
  ring: (clusterId: number) => void = () => {},
  deadlineMs = 5_000,
) {
  return new Renewals({
    openLane: () => postgresLane(url),
    clock: systemClock(),
    timers: systemTimers,
    witness: new ClockWitness(),
    log: pino({ level: process.env.LOG ?? 'silent' }),
    ring,
    deadlineMs,
  })
}

export async function leaseRow(sql: postgres.Sql, node: TestNode) {
  const [row] = await sql`
    select epoch::int, seq::int, armed, guarded, boot_id, revision::int,
      epoch_ms(lease_until) as until, epoch_ms(renewed_at) as renewed,
      epoch_ms(clock_timestamp()) as now
    from lease where node_uid = ${node.uid}`
  return row as postgres.Row
}

/** Opens a grant with one holder, as a round would. */
export async function openGrant(
  sql: postgres.Sql,
  cluster: TestCluster,
  node: TestNode,
  sid: string,
  generation: number,
) {
  await sql`
    update lease set lease_until = greatest(lease_until, clock_timestamp() + interval '1 min')
    where node_uid = ${node.uid}`
  await sql`insert into run_grant values (${cluster.id}, ${sid}, ${generation}, clock_timestamp())`
  await sql`
    insert into run_grant_holder (cluster_id, sid, generation, node_uid, epoch, opened_at)
    select ${cluster.id}, ${sid}, ${generation}, node_uid, epoch, clock_timestamp()
    from lease where node_uid = ${node.uid}`
}

/** Ends the lease epoch that a node has, as a round does. */
export async function revoke(sql: postgres.Sql, { uid }: { uid: string }): Promise<void> {
  await sql`
    insert into revocation (node_uid, epoch, cluster_id, boot_id, lease_until, revoked_at, why)
    select node_uid, epoch, cluster_id, boot_id, lease_until, clock_timestamp(), 'test'
    from lease where node_uid = ${uid}`
  await sql`update lease set epoch = epoch + 1, boot_id = null where node_uid = ${uid}`
}
