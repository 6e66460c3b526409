// A node of a test that is to be switched off, as rows of Postgres: a service on it, its epoch revoked, and the CRM's order.
import type postgres from 'postgres'
import type { FencedDeviceView } from '../../control-plane/cluster/fence-view.ts'
import { putFenceDevice } from '../../control-plane/http/records/fence-devices.ts'
import { openGrant, type TestCluster, type TestNode } from '../lease/fleet.ts'

export const machineUuid = '11111111-2222-4333-8444-555555555555'

let generation = 5_000

/** Sets a device up, or the one of that name anew. */
export async function setUpDevice(
  sql: postgres.Sql,
  cluster: TestCluster,
  nodeUid: string,
  { kind = 'libvirt', name = 'hv' } = {},
): Promise<void> {
  const expects = { uuid: machineUuid, serial: null }
  const row = { name, kind, options: {}, secret: null, expects, uid: crypto.randomUUID() }
  await putFenceDevice(sql, cluster.id, nodeUid, row)
}

/** For epoch 1, in which `process:of-<node>` is granted to it. The uid of the order. */
export async function orderOff(
  sql: postgres.Sql,
  cluster: TestCluster,
  node: Pick<TestNode, 'uid' | 'name'>,
): Promise<string> {
  const { uid, name } = node
  generation += 1
  await openGrant(sql, cluster, node as TestNode, `process:of-${name}`, generation)
  await sql`
    insert into revocation (node_uid, epoch, cluster_id, boot_id, lease_until, revoked_at, why)
    select node_uid, epoch, cluster_id, boot_id, lease_until, clock_timestamp(), 'test'
    from lease where node_uid = ${uid}`
  await sql`
    insert into fence_order (node_uid, cluster_id, epoch, attempt, uid, ordered_at)
    select node_uid, cluster_id, epoch, 1, ${`order-of-${name}`}, clock_timestamp()
    from lease where node_uid = ${uid}`
  await sql`update lease set epoch = epoch + 1, boot_id = null where node_uid = ${uid}`
  return `order-of-${name}`
}

/** What a device said that was told, and read off twice. */
export function saidOff(name: string, uid: string): FencedDeviceView {
  const identity = { uuid: machineUuid, serial: null }
  const reading = (askedMs: number) => ({
    ...{ state: 'off' as const, identity, askedMs, answeredMs: askedMs, at: 'then' },
  })
  return {
    ...{ name, uid, before: 'on', commandedMs: 1, fault: '' },
    readings: [reading(2), reading(5_000)],
  }
}
