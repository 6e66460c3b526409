// The release: an agent's leave to close its watchdog although services run, for a planned stop or in a disarmed cluster
// (rule 11). Committed before the agent closes anything; refused unless every service granted to the node is frozen, or
// nothing is managed (mode `ignore`) and the node says that it has heard so.
import type postgres from 'postgres'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { fenceAfterMs, type Timing } from '../../shared/timing.ts'
import type { Lane } from './lane.ts'
import { type Refusal, whyNot } from './why-not.ts'

export type ReleaseAnswer =
  | { granted: true; leaseMs: number; revision: number; unguarded: boolean }
  | { granted: false; refusal: Refusal }

/** null: a condition of the lease does not hold. */
export type ReleaseCommit = { revision: number; unguarded: boolean } | 'blocked' | null

/**
 * Commits a release, which is also a renewal: `armed` false from this commit on, whatever older requests still arrive
 * (their `seq` is lower). The epoch then proves nothing by its watchdog any more; a returning agent asks for a new one.
 */
export async function release(
  lane: Lane,
  clusterId: number,
  request: LeaseRequest,
  timing: Timing,
): Promise<ReleaseAnswer> {
  const done = await lane.clean((sql) => sql.begin((tx) => commitRelease(tx, request, timing)))
  const reasons = done === null ? await whyNot(lane.sql, [{ clusterId, request }]) : null
  return answerRelease(done, timing, reasons?.get(request.nodeUid))
}

/** Pure: what a node is told that asked for a release. */
export function answerRelease(
  done: ReleaseCommit,
  timing: Timing,
  refusal: Refusal = { code: 'busy' },
): ReleaseAnswer {
  if (done === 'blocked') return { granted: false, refusal: { code: 'release-refused' } }
  if (done) return { granted: true, leaseMs: timing.leaseMs, ...done }
  // Nothing speaks against the lease itself: the node is to renew it first, with its report.
  const isOnlyRelease = refusal.code === 'busy' && !refusal.wakesCrm
  return { granted: false, refusal: isOnlyRelease ? { code: 'release-refused' } : refusal }
}

async function commitRelease(
  tx: postgres.TransactionSql,
  request: LeaseRequest,
  timing: Timing,
): Promise<ReleaseCommit> {
  await tx`select set_config('synchronous_commit', 'on', true),
      set_config('lock_timeout', '1000', true)`
  const [held] = await tx<{ blocked: boolean }[]>`
      select exists (
        select from run_grant_holder h
        left join service_status s on s.cluster_id = h.cluster_id and s.sid = h.sid
        left join service c on c.cluster_id = h.cluster_id and c.sid = h.sid
        where h.node_uid = l.node_uid and h.closed_at is null
          and c.sid is not null and coalesce(s.state, '') not in ('freeze', 'error')
          and c.requested <> 'ignored') and not (${request.mode} = 'disarm' and exists (
            select from crm m where m.cluster_id = l.cluster_id and m.disarm->>'mode' = 'ignore'
              and m.disarm->>'effectiveMs' is not null)) as blocked
      from lease l where l.node_uid = ${request.nodeUid} for update of l`
  if (!held) return null
  if (held.blocked) return 'blocked' as const
  const [row] = await tx<{ revision: number; unguarded: boolean }[]>`
      update lease l set seq = ${request.seq}, armed = false, released_at = clock_timestamp(),
        guarded = case when exists (select from run_grant_holder h
          where h.node_uid = l.node_uid and h.closed_at is null) then false end,
        renewed_at = clock_timestamp(), reported_at = clock_timestamp(), mode = ${request.mode},
        lrm_state = ${request.lrmState},
        lease_until = greatest(l.lease_until, clock_timestamp()
          + make_interval(secs => ${fenceAfterMs(timing) / 1000}))
      from plane_epoch p, crm m, server_identity() i
      where l.node_uid = ${request.nodeUid} and l.epoch = ${request.epoch}
        and l.boot_id = ${request.bootId} and l.seq < ${request.seq}
        and p.cluster_id = l.cluster_id and m.cluster_id = l.cluster_id and m.quorate
        -- Attested by a renewal with its report, never by a release, which stores none (rule 9).
      and l.attested_plane_epoch = p.number
      and p.number = ${request.planeEpoch.number} and p.uuid = ${request.planeEpoch.uuid}
        and p.system_id = i.system_id and p.timeline = i.timeline
        and p.postmaster_start = i.postmaster_start
      returning coalesce((select d.revision from desired d
        where d.node_uid = l.node_uid), 0)::float8 as revision,
        coalesce(not l.guarded, false) as unguarded`
  return row ?? null
}
