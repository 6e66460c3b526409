// A named person vouches that a node is dead: evidence of kind `operator` (rule 6), in one transaction. Used by the API and
// by the admin script. Must never record evidence before the node's lease epoch is revoked, nor while the node renews.
import type postgres from 'postgres'
import { formatChange, type Change } from '../cluster/change.ts'
import { type Refusal, refuse } from '../intake/refusal.ts'

type Tx = postgres.TransactionSql | postgres.Sql

export type FenceConfirm = {
  clusterId: number
  /** Its name, as the person typed it. */
  node: string
  actor: string
  /** Also before the fence deadline. */
  force: boolean
  silentMs: number
}

export type FenceConfirmed = {
  node: string
  /** The lease epochs for which the evidence stands. */
  epochs: number[]
  /** Holders closed by it. */
  closed: { sid: string; generation: number }[]
}

type Lease = {
  uid: string
  epoch: number
  open: boolean
  renews: boolean
  asks: boolean
  due: boolean
  secondsLeft: number
}

/**
 * Revokes the node's lease epoch, records the evidence and closes what it closes. Call it inside a transaction and ring
 * the CRM after the commit.
 *
 * SAFETY: the round row is taken first, so that no CRM round decides on a view from before; the revocation repeats the
 * conditions on the row as it then is, so that a renewal that came in between wins.
 */
export async function confirmDead(tx: Tx, wish: FenceConfirm): Promise<FenceConfirmed | Refusal> {
  // The round row is held from here on: a caller that hangs must not keep the CRM from it.
  await tx`select set_config('idle_in_transaction_session_timeout', '1000', true)`
  await tx`update crm set round = round + 1 where cluster_id = ${wish.clusterId}`
  const lease = await readLease(tx, wish)
  if (!lease) return refuse('unknown-node', `no node ${wish.node} in this cluster`)
  if (lease.renews)
    return refuse('node-renews', `node ${wish.node} renews its lease: it is not dead`)
  if (lease.asks)
    return refuse('node-renews', `node ${wish.node} is asking for a lease: it is not dead`)
  if (!lease.due && !wish.force)
    return refuse(
      'before-deadline',
      `the fence deadline of node ${wish.node} is ${lease.secondsLeft} s away; wait for it, or use force if the machine is surely off`,
    )
  const changes: Change[] = []
  if (lease.open) {
    if (!(await revoke(tx, wish, lease)))
      return refuse('node-renews', `node ${wish.node} renewed its lease just now: it is not dead`)
    changes.push({
      kind: 'lease.revoked',
      node: wish.node,
      epoch: lease.epoch,
      mode: 'operator',
      why: why(wish),
    })
  }
  const evidence = await recordEvidence(tx, wish, lease.uid)
  // In a quarantine the roster waits for every node: a dead one is vouched for, whatever it held (rule 9).
  const attested = await attest(tx, wish, lease.uid)
  const forgotten = await forgetLastWord(tx, lease.uid)
  const awaited = await vouch(tx, wish, lease.uid)
  if (evidence.length === 0 && !lease.open && !attested && !forgotten && !awaited)
    return refuse(
      'nothing-to-confirm',
      `nothing can be running on node ${wish.node}: no grant is open on it`,
    )
  const closed = await closeHolders(tx, lease.uid, evidence)
  for (const { epoch } of evidence)
    changes.push({
      kind: 'evidence.recorded',
      evidence: 'operator',
      node: wish.node,
      epoch,
      scope: null,
      facts: facts(wish),
      why: why(wish),
    })
  await logChanges(tx, wish, changes)
  return { node: wish.node, epochs: evidence.map(({ epoch }) => epoch), closed }
}

async function readLease(tx: Tx, wish: FenceConfirm): Promise<Lease | null> {
  const [row] = await tx<Lease[]>`
    select n.uid, l.epoch::int, l.boot_id is not null as open,
      l.boot_id is not null
        and coalesce(l.renewed_at > clock_timestamp() - ${silence(wish)}::interval, false) as renews,
      -- As in intake/node-wish.ts: a spare machine and a virtual one that booted again do not speak for the old one.
      q.node_uid is not null and (
        jsonb_path_exists(q.found, '$[*] ? (@.state != "stopped")')
        or (q.hardware_id = n.hardware_id and (not n.virtual or d.boots is null
          or q.boot_id = any(d.boots)))) as asks,
      d.until <= clock_timestamp() as due,
      ceil(extract(epoch from d.until - clock_timestamp()))::int as "secondsLeft"
    from node n
    join lease l on l.node_uid = n.uid
    left join epoch_request q on q.node_uid = n.uid
      and q.requested_at > clock_timestamp() - ${silence(wish)}::interval
    cross join lateral (
      select greatest(l.lease_until, max(v.lease_until)) as until,
        nullif(array_remove(array_agg(v.boot_id) || l.boot_id, null), '{}') as boots
      from revocation v
      where v.node_uid = n.uid and exists (
        select from run_grant_holder h
        where h.node_uid = n.uid and h.epoch = v.epoch and h.closed_at is null)
    ) d
    where n.cluster_id = ${wish.clusterId} and n.name = ${wish.node} and n.removed_at is null`
  return row ?? null
}

/** Ends the epoch, unless a renewal or someone else came in between. */
async function revoke(tx: Tx, wish: FenceConfirm, lease: Lease): Promise<boolean> {
  const rows = await tx`
    with seen as (
      select node_uid, epoch, boot_id, guarded, renewed_at from lease
      where node_uid = ${lease.uid} for update
    ), ended as (
      update lease l
      set epoch = greatest(l.epoch + 1,
            (select number_floor from plane_epoch where cluster_id = ${wish.clusterId})),
          boot_id = null, seq = 0, armed = false, guarded = null, released_at = null
      from seen
      where l.node_uid = seen.node_uid and l.epoch = ${lease.epoch} and l.boot_id is not null
        and coalesce(l.renewed_at <= clock_timestamp() - ${silence(wish)}::interval, true)
        and (${wish.force} or l.lease_until <= clock_timestamp())
      returning l.node_uid, l.lease_until
    )
    insert into revocation
      (node_uid, epoch, cluster_id, boot_id, lease_until, guarded, renewed_at, revoked_at, why)
    select e.node_uid, seen.epoch, ${wish.clusterId}, seen.boot_id, e.lease_until, seen.guarded,
      seen.renewed_at, clock_timestamp(), ${why(wish)}
    from ended e join seen using (node_uid)
    returning node_uid`
  return rows.length === 1
}

/** Stands for the attestation that a dead node cannot give; true where one was missing. */
async function attest(tx: Tx, wish: FenceConfirm, nodeUid: string): Promise<boolean> {
  const rows = await tx`
    update lease l set attested_plane_epoch = p.number
    from plane_epoch p
    where p.cluster_id = ${wish.clusterId} and p.quarantine_until is not null
      and l.node_uid = ${nodeUid} and l.boot_id is null and l.attested_plane_epoch <> p.number
    returning l.node_uid`
  return rows.length === 1
}

/** Stands for its answer wherever services wait for one, and thaws what is frozen with it; true where anything does. */
async function vouch(tx: Tx, wish: FenceConfirm, nodeUid: string): Promise<boolean> {
  const [row] = await tx<{ awaited: boolean }[]>`
    with before as (select vouched_round from lease where node_uid = ${nodeUid})
    update lease l set vouched_round = c.round
    from crm c, before b
    where c.cluster_id = ${wish.clusterId} and l.node_uid = ${nodeUid} and l.boot_id is null
    returning exists (
      select from service_status s where s.cluster_id = c.cluster_id
        and ((s.state = 'freeze' and s.node_uid = l.node_uid and b.vouched_round is null)
          or (((s.record->>'probesRoster')::boolean or ${isTakenOver(tx)})
            and (s.record->>'probeRound')::bigint > coalesce(b.vouched_round, 0)))) as awaited`
  return row?.awaited ?? false
}

/** The service of status row `s` is taken over from the node of lease row `l`: cluster/taken-over.ts. */
function isTakenOver(tx: Tx) {
  return tx`exists (
    select from service w join node n on n.cluster_id = w.cluster_id and n.name = w.adopted_from
    where w.cluster_id = s.cluster_id and w.sid = s.sid and n.uid = l.node_uid
      and not exists (
        select from run_grant_holder h where h.cluster_id = w.cluster_id and h.sid = w.sid
          and h.generation > coalesce(w.adopted_after, 0)))`
}

/** What it last said it runs counts no more; true where that was anything. A node that lives says it again. */
async function forgetLastWord(tx: Tx, nodeUid: string): Promise<boolean> {
  const rows = await tx<{ ran: boolean }[]>`
    delete from node_report where node_uid = ${nodeUid}
    returning jsonb_array_length(report->'running') > 0 as ran`
  return rows.some(({ ran }) => ran)
}

type Evidence = { id: string; epoch: number }

/** One row for every revoked epoch that still holds something. */
async function recordEvidence(tx: Tx, wish: FenceConfirm, nodeUid: string): Promise<Evidence[]> {
  return tx<Evidence[]>`
    insert into evidence
      (cluster_id, node_uid, epoch, kind, scope, revoked_epoch, lease_until, guarded, facts, decided_at)
    select ${wish.clusterId}, v.node_uid, v.epoch, 'operator', 'node', v.epoch, v.lease_until,
      v.guarded, ${JSON.stringify(facts(wish))}::text::jsonb, clock_timestamp()
    from revocation v
    where v.node_uid = ${nodeUid} and exists (
      select from run_grant_holder h
      where h.node_uid = v.node_uid and h.epoch = v.epoch and h.closed_at is null)
    returning id, epoch::int`
}

/** Closes the holders the evidence covers, then each grant that has none left. */
async function closeHolders(tx: Tx, nodeUid: string, evidence: Evidence[]) {
  const ids = evidence.map(({ id }) => id)
  const closed = await tx<{ sid: string; generation: number }[]>`
    update run_grant_holder h
    set closed_at = clock_timestamp(), evidence_id = e.id, evidence_kind = 'operator',
        evidence_scope = 'node'
    from evidence e
    where e.id = any(${ids}::bigint[]) and h.node_uid = ${nodeUid} and h.epoch = e.epoch
      and h.closed_at is null
    returning h.sid, h.generation::int`
  await tx`
    update run_grant g set closed_at = clock_timestamp()
    where g.closed_at is null
      and exists (
        select from run_grant_holder h
        where h.cluster_id = g.cluster_id and h.sid = g.sid and h.grant_generation = g.generation
          and h.evidence_id = any(${ids}::bigint[]))
      and not exists (
        select from run_grant_holder h
        where h.cluster_id = g.cluster_id and h.sid = g.sid and h.grant_generation = g.generation
          and h.closed_at is null)`
  return [...closed]
}

async function logChanges(tx: Tx, wish: FenceConfirm, changes: Change[]) {
  for (const change of changes)
    await tx`
      insert into change_log (cluster_id, round, at, kind, node, line, why, change)
      select ${wish.clusterId}, round, clock_timestamp(), ${change.kind}, ${wish.node},
        ${formatChange(change)}, ${change.why}, ${JSON.stringify(change)}::text::jsonb
      from crm where cluster_id = ${wish.clusterId}`
  await tx`select pg_notify('holdfast_events', ${String(wish.clusterId)})`
}

function silence(wish: FenceConfirm): string {
  return `${wish.silentMs} milliseconds`
}

function why(wish: FenceConfirm): string {
  return `${wish.actor} confirmed that node ${wish.node} is dead`
}

function facts(wish: FenceConfirm) {
  return { actor: wish.actor, typedName: wish.node, force: wish.force }
}
