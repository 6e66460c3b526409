// Statements about the fence devices of a node. What is read here for people never holds a secret.
import type { MachineIdentity } from '../../../shared/machine-identity.ts'
import type { NodeName } from '../../cluster/view.ts'
import type { Tx } from '../deps.ts'

export type FenceDeviceRow = {
  name: string
  kind: string
  options: unknown
  secret: unknown
  expects: MachineIdentity
  /** Drawn for this set-up. */
  uid: string
}

/** In their order, without secrets. */
export async function readFenceDevices(
  tx: Tx,
  nodeUid: string,
): Promise<Omit<FenceDeviceRow, 'secret' | 'uid'>[]> {
  return tx<Omit<FenceDeviceRow, 'secret' | 'uid'>[]>`
    select name, kind, options, expects from fence_device
    where node_uid = ${nodeUid} order by position, name`
}

/** A new device comes last; one that is there is set up anew in its place. */
export async function putFenceDevice(
  tx: Tx,
  clusterId: number,
  nodeUid: string,
  { name, kind, options, secret, expects, uid }: FenceDeviceRow,
): Promise<void> {
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  await tx`
    insert into fence_device (node_uid, cluster_id, name, position, kind, options, secret, expects, uid)
    select ${nodeUid}, ${clusterId}, ${name}, coalesce(max(position) + 1, 0), ${kind},
      ${json(options)}::text::jsonb, ${json(secret)}::text::jsonb, ${json(expects)}::text::jsonb,
      ${uid}
    from fence_device where node_uid = ${nodeUid}
    on conflict (node_uid, name) do update set kind = excluded.kind, options = excluded.options,
      secret = excluded.secret, expects = excluded.expects, uid = excluded.uid`
}

/** False where there is none of that name. */
export async function deleteFenceDevice(tx: Tx, nodeUid: string, name: string): Promise<boolean> {
  await tx`delete from fence_check where node_uid = ${nodeUid} and name = ${name}`
  const rows = await tx`
    delete from fence_device where node_uid = ${nodeUid} and name = ${name} returning name`
  return rows.length === 1
}

/** For a test of it only: with its secret. */
export async function readFenceDeviceSetup(
  tx: Tx,
  nodeUid: string,
  name: string,
): Promise<Pick<FenceDeviceRow, 'kind' | 'options' | 'secret' | 'expects'> | null> {
  const [row] = await tx<Pick<FenceDeviceRow, 'kind' | 'options' | 'secret' | 'expects'>[]>`
    select kind, options, secret, expects from fence_device
    where node_uid = ${nodeUid} and name = ${name}`
  return row ?? null
}

/** What each node of the cluster says of itself: on a real machine the UUID of its firmware. */
export async function hardwareIds(tx: Tx, clusterId: number): Promise<Record<NodeName, string>> {
  const rows = await tx<{ name: string; hardwareId: string }[]>`
    select name, hardware_id as "hardwareId" from node
    where cluster_id = ${clusterId} and removed_at is null`
  return Object.fromEntries(rows.map(({ name, hardwareId }) => [name, hardwareId]))
}
