// Begins the lease epoch that a revocation allotted, for the boot that asks for it; what it runs and may keep goes over to it.
// SAFETY: the schema refuses it while a grant of an older epoch is open (rule 6).
import type postgres from 'postgres'
import { fenceAfterMs } from '../../shared/timing.ts'
import type { Change } from '../cluster/change.ts'
import type { ClusterView } from '../cluster/view.ts'
import { StalePlan } from './stale-plan.ts'
import { uidOf } from './uid-of.ts'

/** @throws StalePlan where another boot holds the lease, nobody asks any more, or what is adopted is closed */
export async function openEpoch(
  tx: postgres.TransactionSql,
  view: ClusterView,
  change: Change & { kind: 'lease.opened' },
): Promise<void> {
  const uid = uidOf(view, change.node)
  const [current] = await tx<{ epoch: number }[]>`
    select epoch::float8 as epoch from lease where node_uid = ${uid} and boot_id is null for update`
  if (!current) throw new StalePlan(`another boot of ${change.node} holds its lease`)
  // SAFETY: what it says of itself was judged, and counts from now on: without it the facts of an older boot would.
  const [asked] = await tx`
    select from epoch_request where node_uid = ${uid} and boot_id = ${change.bootId} for update`
  if (!asked) throw new StalePlan(`${change.node} asks no more under boot ${change.bootId}`)
  for (const adopted of change.adopts) {
    const rows = await tx`
      update run_grant_holder set epoch = ${current.epoch},
        confirmed_at = coalesce(confirmed_at, clock_timestamp())
      where cluster_id = ${view.cluster.id} and sid = ${adopted.sid}
        and generation = ${adopted.generation} and node_uid = ${uid} and closed_at is null
      returning sid`
    if (rows.length === 0) throw new StalePlan(`${adopted.sid} on ${change.node} cannot be adopted`)
  }
  await tx`
    update lease l set boot_id = ${change.bootId}, seq = 0, armed = false, guarded = null,
      released_at = null, renewed_at = null, revision = 0, vouched_round = null, mode = 'active', report_digest = '',
      opened_sent_ms = q.sent_ms, opened_nonce = q.nonce,
      -- Its first renewal may take a while: until then it is not over.
      lease_until = greatest(l.lease_until, clock_timestamp() + make_interval(secs => ${
        fenceAfterMs(view.settings.timing) / 1000
      }))
    from epoch_request q
    where l.node_uid = ${uid} and q.node_uid = l.node_uid and q.boot_id = ${change.bootId}`
  // What the node says of itself, its hardware too, counts from the epoch it said it for: older ones are judged by what it said then.
  await tx`
    update node n set hardware_id = q.hardware_id, drivers = q.facts->'drivers', capacity = q.facts->'capacity',
      watchdog = q.facts->'watchdog', virtual = (q.facts->>'virtual')::boolean,
      agent_version = q.facts->>'agentVersion'
    from epoch_request q
    where q.node_uid = ${uid} and q.boot_id = ${change.bootId} and n.uid = q.node_uid`
  await tx`delete from challenge where node_uid = ${uid}`
  await tx`delete from epoch_request where node_uid = ${uid} and boot_id = ${change.bootId}`
}
