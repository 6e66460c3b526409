// Operators' wishes about nodes. A node's row is never deleted: uids and epochs are never used twice.
import { type Refusal, refuse } from '../../intake/refusal.ts'
import type { Tx } from '../deps.ts'

export async function setMaintenance(tx: Tx, nodeUid: string, enabled: boolean): Promise<void> {
  await tx`update node set maintenance_requested = ${enabled} where uid = ${nodeUid}`
}

/**
 * Takes a node off the roster for ever.
 *
 * SAFETY: the round row first, so that no round that still sees this node can open a grant on it afterwards; then its
 * lease epoch ends, so that nobody renews under it; the schema refuses the rest while a grant on it is open.
 */
export async function removeNode(
  tx: Tx,
  clusterId: number,
  nodeUid: string,
  name: string,
): Promise<Refusal | null> {
  await tx`update crm set round = round + 1 where cluster_id = ${clusterId}`
  const open = await tx<{ sid: string }[]>`
    select distinct sid from run_grant_holder
    where node_uid = ${nodeUid} and closed_at is null order by sid`
  if (open.length > 0)
    return refuse('grants-open', `node ${name} may still run ${open.map((h) => h.sid).join(', ')}`)
  await tx`
    update node set removed_at = clock_timestamp() where uid = ${nodeUid} and removed_at is null`
  // With their secrets: nobody switches off what is no member.
  await tx`delete from fence_device where node_uid = ${nodeUid}`
  await tx`delete from fence_check where node_uid = ${nodeUid}`
  await tx`
    update lease set epoch = epoch + 1, boot_id = null, armed = false, guarded = null
    where node_uid = ${nodeUid}`
  return null
}
