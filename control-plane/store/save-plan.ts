// Writes what a round decided, in that round's own transaction. Any conflict throws, and the whole plan is thrown
// away: a plan is never saved twice, and never in part. Lease rows are touched last, so that renewals hardly wait.
import { hash } from 'node:crypto'
import type postgres from 'postgres'
import { applyPlan } from '../cluster/apply.ts'
import { type Change, formatChange } from '../cluster/change.ts'
import { desiredForAll } from '../cluster/orders.ts'
import type { Plan } from '../cluster/plan.ts'
import type { ClusterView, NodeName } from '../cluster/view.ts'
import { managedIn, nodesToWrite, remember } from './view/desired-memory.ts'
import type { LoadedView } from './load-view.ts'
import { saveLeaseChanges } from './save-lease-changes.ts'
import { saveNodeStatuses, saveServiceStatuses } from './save-statuses.ts'
import { StalePlan } from './stale-plan.ts'

export type SavedRound = {
  view: ClusterView
  /** Nodes whose desired state changed. */
  changedNodes: { name: NodeName; uid: string }[]
}

/**
 * Saves `plan`, made from `loaded.view`.
 * @param tx the transaction that bumped the round
 * @param nextRoundMs when a round is due at the latest, by the database's clock
 * @throws StalePlan when something the plan counts on has changed
 */
export async function savePlan(
  tx: postgres.TransactionSql,
  loaded: LoadedView,
  plan: Plan,
  nextRoundMs: number,
): Promise<SavedRound> {
  const before = loaded.view
  const after = applyPlan(before, plan)
  // None of these reads what another writes: sent one after the other without waiting, in this order.
  await Promise.all([
    ...(plan.changes.length > 0 ? [saveLog(tx, before, plan.changes)] : []),
    saveNodeStatuses(tx, before, after),
    saveServiceStatuses(tx, before, after),
    ...plan.changes.map((change) => saveWish(tx, before, change)),
    saveElection(tx, after, nextRoundMs),
  ])
  await saveLeaseChanges(tx, before, plan.changes)
  await saveChallengeNotes(tx, before, after)
  // Last, because it reads what the grants now are.
  const changedNodes = await saveDesired(tx, loaded, after)
  return { view: after, changedNodes }
}

async function saveLog(tx: postgres.TransactionSql, view: ClusterView, changes: Change[]) {
  const rows = changes.map((change, position) => ({
    position,
    kind: change.kind,
    sid: 'sid' in change ? change.sid : scopeSid(change),
    node: 'node' in change ? (change.node ?? null) : placeOf(change),
    line: formatChange(change),
    why: change.why,
    change,
  }))
  await tx`
    insert into change_log (cluster_id, round, at, kind, sid, node, line, why, change)
    select ${view.cluster.id}, ${view.round}, from_epoch_ms(${view.nowMs}), kind, sid, node, line,
      why, change
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(position int, kind text,
      sid text, node text, line text, why text, change jsonb)
    order by position`
}

function scopeSid(change: Change): string | null {
  return change.kind === 'evidence.recorded' ? (change.scope?.sid ?? null) : null
}

function placeOf(change: Change): string | null {
  return change.kind === 'service.state' ? (change.set.node ?? null) : null
}

async function saveWish(tx: postgres.TransactionSql, view: ClusterView, change: Change) {
  if (change.kind === 'command.status') {
    const finished = change.to === 'done' || change.to === 'failed' || change.to === 'refused'
    const updated = await tx`
      update command set status = ${change.to}, reason = ${change.why},
        finished_at = case when ${finished} then clock_timestamp() end
      where uid = ${change.command} and finished_at is null`
    if (updated.count === 0) throw new StalePlan(`command ${change.command} is finished already`)
  }
  if (change.kind === 'quarantine.ended')
    await tx`update plane_epoch set quarantine_until = null where cluster_id = ${view.cluster.id}`
}

async function saveElection(tx: postgres.TransactionSql, after: ClusterView, nextRoundMs: number) {
  await tx`
    update crm set ran_at = clock_timestamp(), next_round_at = from_epoch_ms(${nextRoundMs}),
      next_generation = ${after.nextGeneration}, quorate = ${after.quorate},
      quiet_since = from_epoch_ms(${after.quietSinceMs}::double precision),
      disarm = ${after.disarm === null ? null : JSON.stringify(after.disarm)}::text::jsonb,
      imbalanced_since = from_epoch_ms(${after.imbalancedSinceMs}::double precision)
    where cluster_id = ${after.cluster.id}`
}

async function saveChallengeNotes(
  tx: postgres.TransactionSql,
  before: ClusterView,
  after: ClusterView,
) {
  for (const { name, uid, challenge } of Object.values(after.nodes))
    if (challenge && challenge.waitsFor !== (before.nodes[name]?.challenge?.waitsFor ?? ''))
      await tx`update challenge set waits_for = ${challenge.waitsFor} where node_uid = ${uid}`
}

export type ChangedDocument = {
  name: NodeName
  uid: string
  digest: string
  managed: string
  document: Record<string, unknown>
}

/** The desired states that differ from those stored. */
export function changedDocuments(loaded: LoadedView, after: ClusterView): ChangedDocument[] {
  const { known, desiredDigests: stored } = loaded
  const changed: ChangedDocument[] = []
  const managed = managedIn(known?.desired ?? null, after)
  const names = nodesToWrite(known?.desired ?? null, after, stored, managed)
  const digests = { ...known?.desired?.digests }
  const documents = desiredForAll(after, names)
  for (const name of names) {
    const { uid } = after.nodes[name]!
    const document = { ...documents[name], planeEpoch: undefined }
    const text = JSON.stringify(document)
    // A new revision, too, where nothing but the managed services is another: agents obey it once their gates are in place.
    const digest = hash('sha1', `${after.planeEpoch.number} ${text}${managed}`)
    digests[name] = digest
    if (stored[name] !== digest) changed.push({ name, uid, digest, managed, document })
  }
  if (known) known.desired = remember(after, digests, managed)
  return changed
}

/**
 * SAFETY: a document that says what the stored one says keeps its revision, however the stored one was written: while replicas of two
 * versions run side by side, each round would else be another revision, and no node would ever have obeyed the newest.
 */
async function saveDesired(tx: postgres.TransactionSql, loaded: LoadedView, after: ClusterView) {
  const changed = changedDocuments(loaded, after)
  if (changed.length === 0) return []
  const saved = await tx<{ uid: string; isNew: boolean }[]>`
    insert into desired as d (node_uid, cluster_id, plane_epoch, revision, document, digest, managed)
    select uid, ${after.cluster.id}, ${after.planeEpoch.number}, ${after.round}, document, digest,
      managed
    from jsonb_to_recordset(${JSON.stringify(changed)}::text::jsonb)
      as r(uid uuid, digest text, managed text, document jsonb)
    on conflict (node_uid) do update set plane_epoch = excluded.plane_epoch,
      revision = case when d.plane_epoch = excluded.plane_epoch and d.managed = excluded.managed
        and d.document = excluded.document then d.revision else excluded.revision end,
      document = excluded.document, digest = excluded.digest, managed = excluded.managed
    returning node_uid as uid, revision = ${after.round} as "isNew"`
  const isNew = new Set(saved.filter((row) => row.isNew).map(({ uid }) => uid))
  return changed.filter(({ uid }) => isNew.has(uid))
}
