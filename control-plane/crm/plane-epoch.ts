// The plane epoch changes, once, when this is no longer the database it was (rule 9): another server, another timeline,
// a restart, or a node that remembers more than the database knows. Must never be skipped and never be repeated.
import type postgres from 'postgres'
import { mostPlaneEpochs } from '../../shared/protocol.ts'
import { clockRate } from '../../shared/timing.ts'
import type { LoadedView } from '../store/load-view.ts'

/** Numbers jump so far ahead that none of a lost history is issued again: more grants than any site makes in years. */
const jump = 1_000_000

/** How the server differs from the one that the plane epoch knows. */
export type ServerDifference = keyof typeof sentences

export type PlaneEpochChange = { number: number; why: string; quarantined: boolean }

/**
 * Changes the plane epoch where it must; nothing otherwise.
 * All leases count as renewed at this commit, with the longest lease the settings ever allowed.
 * @returns what was changed, or null
 */
export async function changePlaneEpoch(
  tx: postgres.TransactionSql,
  loaded: LoadedView,
  uuid: string,
): Promise<PlaneEpochChange | null> {
  const clusterId = loaded.view.cluster.id
  const server = loaded.identityMatches ? 'same' : await compare(tx, clusterId)
  const judged = judgeHistory(loaded, server)
  if (judged === null) {
    // A claim that came late must not stand in the way of its node's next one.
    if (loaded.regressClaims.length > 0)
      await tx`delete from regress_claim where cluster_id = ${clusterId}
        and plane_epoch < ${loaded.view.planeEpoch.number}`
    return null
  }
  const { number, why, plainRestart, waitMs, numberFloor } = judged
  await tx`
    update plane_epoch p set number = ${number}, uuid = ${uuid}, system_id = i.system_id,
      timeline = i.timeline, postmaster_start = i.postmaster_start, reason = ${why},
      changed_at = clock_timestamp(), number_floor = ${numberFloor},
      quarantine_until = case when ${!plainRestart}
        then clock_timestamp() + make_interval(secs => ${waitMs / 1000})
        else p.quarantine_until end
    from server_identity() i where p.cluster_id = ${clusterId}`
  await tx`
    with held as (
      select node_uid from lease where cluster_id = ${clusterId} order by node_uid for update
    )
    update lease l set lease_until =
      greatest(lease_until, clock_timestamp() + make_interval(secs => ${waitMs / 1000})),
      -- Allotted and not opened, as far as this history knows: the lost one may have opened it.
      epoch = case when l.boot_id is null then greatest(l.epoch, ${numberFloor}) else l.epoch end
    from held where l.node_uid = held.node_uid`
  await tx`
    update crm set next_generation = greatest(next_generation, ${numberFloor})
    where cluster_id = ${clusterId}`
  await tx`delete from regress_claim where cluster_id = ${clusterId}`
  const line = `cluster: plane epoch is now ${number}${plainRestart ? '' : ', in quarantine'} (${why})`
  await tx`
    insert into change_log (cluster_id, round, at, kind, line, why, change)
    values (${clusterId}, ${loaded.view.round}, clock_timestamp(), 'plane-epoch.changed', ${line},
      ${why}, ${JSON.stringify({ kind: 'plane-epoch.changed', number })}::text::jsonb)`
  return { number, why, quarantined: !plainRestart }
}

type JudgedHistory = {
  number: number
  why: string
  plainRestart: boolean
  /** From the commit that changes the plane epoch: when every lease of the old one is over. */
  waitMs: number
  numberFloor: number
}

/** Pure: what becomes of the plane epoch, or null where it stays. */
export function judgeHistory(loaded: LoadedView, server: ServerDifference): JudgedHistory | null {
  const { view, regressClaims, longestLeaseMs } = loaded
  // One that was judged under an older plane epoch came late: what it tells has been dealt with.
  const claims = regressClaims.filter((claim) => claim.planeEpoch >= view.planeEpoch.number)
  if (loaded.identityMatches && claims.length === 0) return null
  // A claim beyond all sense (a broken journal) counts as one, but its number is not taken over.
  const sane = claims
    .map((claim) => claim.planeEpoch)
    .filter((claimed) => claimed < mostPlaneEpochs)
  const number = Math.max(view.planeEpoch.number, ...sane) + 1
  return {
    number,
    why: claims[0]?.why ?? sentences[server],
    plainRestart: claims.length === 0 && server === 'restarted',
    waitMs: Math.ceil(longestLeaseMs * (1 + clockRate) ** 2) + view.settings.timing.marginMs,
    numberFloor: number * jump,
  }
}

const sentences = {
  restarted: 'the database server was restarted',
  promoted: 'the database runs on another timeline: a standby was promoted or a backup restored',
  replaced: 'this is another database server',
  restored: 'an operator restored the database from files',
  same: 'a node remembers more than the database knows',
} as const

async function compare(tx: postgres.TransactionSql, clusterId: number): Promise<ServerDifference> {
  const [row] = await tx<
    { server: boolean; timeline: boolean; started: boolean; restored: boolean }[]
  >`
    select p.system_id = i.system_id as server, p.timeline = i.timeline as timeline,
      p.postmaster_start = i.postmaster_start as started, p.system_id = 'restored' as restored
    from plane_epoch p, server_identity() i where p.cluster_id = ${clusterId}`
  if (row?.restored) return 'restored'
  if (!row?.server) return 'replaced'
  if (!row.timeline) return 'promoted'
  return row.started ? 'same' : 'restarted'
}
