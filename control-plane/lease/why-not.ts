// Why a renewal was refused. 409 only where the database is ahead of the agent; where the agent remembers more than the
// database knows, the history was cut: 503, and the CRM is told (rules 5 and 9).
import type postgres from 'postgres'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { whyNotStatement } from './renewal-statement.ts'

export type Refusal = {
  code:
    | 'fenced'
    | 'stale'
    | 'plane-epoch'
    | 'not-quorate'
    | 'regressed'
    | 'busy'
    | 'release-refused'
  epoch?: number
  planeEpoch?: { number: number; uuid: string }
  wakesCrm?: boolean
  /** What the node remembers of a history that this database does not know; null: nothing new. */
  claim?: string
}

export type Standing = {
  nodeUid: string
  epoch: number
  bootId: string | null
  seq: number
  /** The last lease epoch that this history has seen end; 0: none. */
  lastRevoked: number
  planeNumber: number
  planeUuid: string
  /** Every epoch allotted in this history is at least this. */
  numberFloor: number
  sameServer: boolean
}

type Asked = { clusterId: number; request: LeaseRequest }

/** Reads where the refused nodes stand, and writes down what they remember of a lost history. */
export async function whyNot(sql: postgres.Sql, asked: Asked[]): Promise<Map<string, Refusal>> {
  const uids = asked.map(({ request }) => request.nodeUid)
  const rows = await sql.unsafe<Standing[]>(whyNotStatement, [uids as never], { prepare: true })
  const reasons = reasonsFor(asked, rows)
  for (const { clusterId, request } of asked) {
    const claim = reasons.get(request.nodeUid)?.claim
    if (claim) await claimRegress(sql, clusterId, request, claim)
  }
  return reasons
}

/** Pure: what each is told, as far as its node is known. */
export function reasonsFor(asked: Asked[], standings: Standing[]): Map<string, Refusal> {
  const byNode = new Map(standings.map((standing) => [standing.nodeUid, standing]))
  const reasons = new Map<string, Refusal>()
  for (const { request } of asked) {
    const standing = byNode.get(request.nodeUid)
    if (standing) reasons.set(request.nodeUid, judge(request, standing))
  }
  return reasons
}

/** Pure: what a request that matched nothing is told. */
export function judge(request: LeaseRequest, standing: Standing): Refusal {
  const { planeNumber, planeUuid, numberFloor } = standing
  const planeEpoch = { number: planeNumber, uuid: planeUuid }
  if (!standing.sameServer) return { code: 'busy', wakesCrm: true }
  const claim = planeClaim(request.planeEpoch, planeEpoch)
  if (claim) return { code: 'regressed', planeEpoch, wakesCrm: true, claim }
  if (request.planeEpoch.number < planeNumber) return { code: 'plane-epoch', planeEpoch }
  // Higher than the database's, or allotted here but never opened: its opening was lost with a history. Since that was dealt
  // with, the number allotted may have jumped far beyond it.
  const isSkipped =
    request.epoch > standing.lastRevoked &&
    request.epoch < numberFloor &&
    standing.epoch >= numberFloor
  const isUnknown =
    request.epoch > standing.epoch ||
    (request.epoch === standing.epoch && standing.bootId === null) ||
    isSkipped
  if (isUnknown) {
    const news = `a node remembers lease epoch ${request.epoch}, the database ${standing.epoch}`
    // Below the floor it is of a history that was cut and dealt with already: the node asks for a new epoch.
    const isNews = request.epoch >= numberFloor
    return { code: 'regressed', planeEpoch, ...(isNews && { wakesCrm: true, claim: news }) }
  }
  if (request.epoch < standing.epoch || standing.bootId !== request.bootId)
    return { code: 'fenced', epoch: standing.epoch }
  if (request.seq <= standing.seq) return { code: 'stale' }
  return { code: 'busy' }
}

type PlaneEpoch = { number: number; uuid: string }

/** What a plane epoch that a node has seen says of ours; null: nothing. */
export function planeClaim(seen: PlaneEpoch | null, ours: PlaneEpoch): string | null {
  if (seen === null || seen.number < ours.number) return null
  if (seen.number > ours.number)
    return `a node remembers plane epoch ${seen.number}, the database ${ours.number}`
  if (seen.uuid !== ours.uuid)
    return `a node remembers another history under plane epoch ${seen.number}`
  return null
}

/** Tells the CRM, once a node: it changes the plane epoch in its next round. */
export async function claimRegress(
  sql: postgres.Sql,
  clusterId: number,
  node: { nodeUid: string; planeEpoch: PlaneEpoch | null },
  why: string,
) {
  await sql`
    insert into regress_claim (cluster_id, node_uid, plane_epoch, why)
    select ${clusterId}, ${node.nodeUid}, ${node.planeEpoch?.number ?? 0}, ${why}
    where not exists (select from regress_claim where cluster_id = ${clusterId}
      and node_uid = ${node.nodeUid})`
}
