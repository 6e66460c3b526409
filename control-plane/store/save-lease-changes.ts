// Saves what a plan does to leases, evidence and grants: the statements the safety contract is about (rules 5 to 7).
// SAFETY: the order within a plan is kept. A revocation comes before the evidence that needs it (foreign key), a
// holder is closed only together with its evidence (check), a grant opens only when no other is open (unique index).
import type postgres from 'postgres'
import type { Change } from '../cluster/change.ts'
import type { ClusterView } from '../cluster/view.ts'
import { openEpoch } from './open-epoch.ts'
import { StalePlan } from './stale-plan.ts'
import { uidOf } from './uid-of.ts'

type Tx = postgres.TransactionSql
type Of<K extends Change['kind']> = Extract<Change, { kind: K }>

type GrantChange = Of<'grant.opened' | 'grant.adopted' | 'grant.shared'>

/** All that `changes` do to leases, evidence and grants. Grants that follow one another become one statement. */
export async function saveLeaseChanges(
  tx: Tx,
  view: ClusterView,
  changes: readonly Change[],
): Promise<void> {
  let grants: GrantChange[] = []
  const flush = async () => {
    if (grants.length > 0) await saveGrants(tx, view, grants)
    grants = []
  }
  for (const change of changes) {
    if (isGrant(change)) grants.push(change)
    else if (isOfLeases(change)) {
      await flush()
      await saveLeaseChange(tx, view, change)
    }
  }
  await flush()
}

function isGrant(change: Change): change is GrantChange {
  const { kind } = change
  return kind === 'grant.opened' || kind === 'grant.adopted' || kind === 'grant.shared'
}

type OtherChange = Of<
  'lease.revoked' | 'lease.opened' | 'fence.ordered' | 'node.challenged' | 'evidence.recorded'
>

function isOfLeases(change: Change): change is OtherChange {
  const kinds: Change['kind'][] = [
    'lease.revoked',
    'lease.opened',
    'fence.ordered',
    'node.challenged',
    'evidence.recorded',
  ]
  return kinds.includes(change.kind)
}

function saveLeaseChange(tx: Tx, view: ClusterView, change: OtherChange): Promise<void> {
  switch (change.kind) {
    case 'lease.revoked':
      return revoke(tx, view, change)
    case 'lease.opened':
      return openEpoch(tx, view, change)
    case 'fence.ordered':
      return orderFence(tx, view, change)
    case 'node.challenged':
      return challenge(tx, view, change)
    case 'evidence.recorded':
      return recordEvidence(tx, view, change)
  }
}

/**
 * SAFETY: the wait counts from the deadline this statement returns, never from one read before (M1). With mode
 * `expired` or `silent` a renewal that came in between makes it match nothing, and the plan is thrown away.
 */
async function revoke(tx: Tx, view: ClusterView, change: Of<'lease.revoked'>) {
  const onlyExpired = change.mode === 'expired'
  const onlySilent = change.mode === 'silent'
  const { silentMs } = view.settings.timing
  const uid = uidOf(view, change.node)
  // Held until the commit: what the revocation remembers of the epoch is what the update below ends.
  const [old] = await tx<{ bootId: string | null; guarded: boolean | null; renewedMs: number }[]>`
    select boot_id as "bootId", guarded, epoch_ms(renewed_at) as "renewedMs" from lease
    where node_uid = ${uid} for update`
  if (!old) throw new StalePlan(`node ${change.node} has no lease`)
  const rows = await tx`
    with revoked as (
      update lease l set epoch = greatest(l.epoch + 1, p.number_floor), boot_id = null, seq = 0,
        armed = false, guarded = null, released_at = null
      from plane_epoch p
      where p.cluster_id = l.cluster_id and l.node_uid = ${uid} and l.epoch = ${change.epoch}
        and (not ${onlyExpired} or l.lease_until <= clock_timestamp())
        and (not ${onlySilent} or greatest(l.renewed_at, l.reported_at)
          <= clock_timestamp() - make_interval(secs => ${silentMs / 1000}))
      returning l.node_uid, l.cluster_id, l.lease_until
    )
    insert into revocation
      (node_uid, epoch, cluster_id, boot_id, lease_until, guarded, renewed_at, revoked_at, why)
    select node_uid, ${change.epoch}, cluster_id, ${old.bootId}, lease_until, ${old.guarded},
      from_epoch_ms(${old.renewedMs}), clock_timestamp(), ${change.why}
    from revoked
    returning node_uid`
  if (rows.length === 0)
    throw new StalePlan(
      `lease epoch ${change.epoch} of ${change.node} was renewed or revoked meanwhile`,
    )
}

/** The order before it is no longer in force: what is reported of that one from now on is refused (fence/fence-store.ts). */
async function orderFence(tx: Tx, view: ClusterView, change: Of<'fence.ordered'>) {
  await tx`
    insert into fence_order (node_uid, cluster_id, epoch, attempt, uid, ordered_at)
    values (${uidOf(view, change.node)}, ${view.cluster.id}, ${change.epoch}, ${change.attempt},
      ${change.uid}, clock_timestamp())
    on conflict (node_uid) do update set epoch = excluded.epoch, attempt = excluded.attempt,
      uid = excluded.uid, ordered_at = excluded.ordered_at`
}

async function challenge(tx: Tx, view: ClusterView, change: Of<'node.challenged'>) {
  await tx`
    insert into challenge (node_uid, cluster_id, epoch, boot_id, nonce, questions)
    select node_uid, cluster_id, epoch, ${change.bootId}, ${change.nonce},
      ${JSON.stringify(change.questions)}::text::jsonb
    from lease where node_uid = ${uidOf(view, change.node)}
    on conflict (node_uid) do update set epoch = excluded.epoch, boot_id = excluded.boot_id,
      nonce = excluded.nonce, questions = excluded.questions, waits_for = ''`
}

async function recordEvidence(tx: Tx, view: ClusterView, change: Of<'evidence.recorded'>) {
  const uid = uidOf(view, change.node)
  const scope = change.scope ? 'service' : 'node'
  const needsRevocation = change.evidence !== 'agent-stopped'
  // A renewal that came in before its revocation: the deadline that was judged is not the one that holds.
  const judgedMs = judgedDeadlineMs(change)
  const order = fenceOrderOf(change)
  const [recorded] = await tx<{ id: string }[]>`
    insert into evidence (cluster_id, node_uid, epoch, kind, scope, sid, generation,
      revoked_epoch, lease_until, guarded, fence_order, fence_outcome, facts, decided_at)
    select ${view.cluster.id}, ${uid}, ${change.epoch}, ${change.evidence}, ${scope},
      ${change.scope?.sid ?? null}, ${change.scope?.generation ?? null},
      ${needsRevocation ? change.epoch : null}, v.lease_until, v.guarded,
      ${order}, ${order === null ? null : 'off'},
      ${JSON.stringify(change.facts)}::text::jsonb, clock_timestamp()
    from (select 1) as one
    left join revocation v on v.node_uid = ${uid} and v.epoch = ${change.epoch}
    where ${judgedMs}::float8 is null or v.lease_until is null
      or epoch_ms(v.lease_until) = ${judgedMs}
    returning id`
  if (!recorded) throw new StalePlan(`${change.node} renewed epoch ${change.epoch} meanwhile`)
  await closeHolders(tx, view, change, recorded.id)
}

/** The deadline that a plan has found to be over; null: its evidence is of another kind. */
export function judgedDeadlineMs(change: Of<'evidence.recorded'>): number | null {
  const { leaseUntilMs } = change.facts as { leaseUntilMs?: number }
  return change.evidence === 'watchdog-deadline' ? (leaseUntilMs ?? null) : null
}

/** The order whose report says that the node was off; null: its evidence is of another kind. */
export function fenceOrderOf(change: Of<'evidence.recorded'>): string | null {
  const { order } = change.facts as { order?: string }
  return change.evidence === 'device-off' ? (order ?? null) : null
}

/** Closes the holders the evidence speaks of, and the grants that thereby have none left. */
async function closeHolders(
  tx: Tx,
  view: ClusterView,
  change: Of<'evidence.recorded'>,
  evidenceId: string,
) {
  const scope = change.scope ? 'service' : 'node'
  const { sid, generation } = change.scope ?? { sid: null, generation: null }
  const closed = await tx<{ sid: string; grant: string }[]>`
    update run_grant_holder set closed_at = clock_timestamp(), evidence_id = ${evidenceId},
      evidence_kind = ${change.evidence}, evidence_scope = ${scope}, evidence_sid = ${sid},
      evidence_generation = ${generation}
    where cluster_id = ${view.cluster.id} and node_uid = ${uidOf(view, change.node)}
      and epoch = ${change.epoch} and closed_at is null
      and (${scope} = 'node' or (sid = ${sid} and generation = ${generation}))
      and (${change.evidence} <> 'never-confirmed' or confirmed_at is null) -- nor since the view
    returning sid, grant_generation as grant`
  if (change.scope && closed.length === 0)
    throw new StalePlan(`no open holder of ${sid} on ${change.node} to close`)
  if (closed.length === 0) return
  await tx`
    update run_grant g set closed_at = clock_timestamp()
    from unnest(${closed.map((one) => one.sid)}::text[],
      ${closed.map((one) => one.grant)}::bigint[]) as c(sid, generation)
    where g.cluster_id = ${view.cluster.id} and g.sid = c.sid and g.generation = c.generation
      and g.closed_at is null and not exists (
        select from run_grant_holder h where h.cluster_id = g.cluster_id and h.sid = g.sid
          and h.grant_generation = g.generation and h.closed_at is null)`
}

async function saveGrants(tx: Tx, view: ClusterView, changes: GrantChange[]) {
  // What is adopted was found running: it was started, so `never-confirmed` can never close it.
  const rows = JSON.stringify(
    changes.map(({ kind, sid, generation, node, epoch }) => {
      const facts = { isNew: kind !== 'grant.shared', isStarted: kind === 'grant.adopted' }
      return { sid, generation, nodeUid: uidOf(view, node), epoch, ...facts }
    }),
  )
  const given = tx`jsonb_to_recordset(${rows}::text::jsonb) as r(sid text, generation bigint,
    "nodeUid" uuid, epoch bigint, "isNew" boolean, "isStarted" boolean)`
  await tx`
    insert into run_grant (cluster_id, sid, generation, opened_at)
    select ${view.cluster.id}, sid, generation, clock_timestamp() from ${given} where "isNew"`
  await tx`
    insert into run_grant_holder
      (cluster_id, sid, generation, grant_generation, node_uid, epoch, opened_at, confirmed_at)
    select ${view.cluster.id}, sid, generation,
      case when "isNew" then generation else (
        select g.generation from run_grant g
        where g.cluster_id = ${view.cluster.id} and g.sid = r.sid and g.closed_at is null) end,
      "nodeUid", epoch, clock_timestamp(), case when "isStarted" then clock_timestamp() end
    from ${given}`
}
