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
}

type Standing = {
  nodeUid: string
  epoch: number
  bootId: string | null
  seq: number
  planeNumber: number
  planeUuid: string
  sameServer: boolean
}

type Asked = { clusterId: number; request: LeaseRequest }

/** Reads where the refused nodes stand, and writes down what they remember of a lost history. */
export async function whyNot(sql: postgres.Sql, asked: Asked[]): Promise<Map<string, Refusal>> {
  const uids = asked.map(({ request }) => request.nodeUid)
  const rows = await sql.unsafe<Standing[]>(whyNotStatement, [uids as never], { prepare: true })
  const standings = new Map(rows.map((row) => [row.nodeUid, row]))
  const reasons = new Map<string, Refusal>()
  for (const { clusterId, request } of asked) {
    const standing = standings.get(request.nodeUid)
    if (!standing) continue
    const refusal = judge(request, standing)
    reasons.set(request.nodeUid, refusal)
    if (refusal.code === 'regressed') await claim(sql, clusterId, request, standing)
  }
  return reasons
}

/** Pure: what a request that matched nothing is told. */
export function judge(request: LeaseRequest, standing: Standing): Refusal {
  const planeEpoch = { number: standing.planeNumber, uuid: standing.planeUuid }
  if (!standing.sameServer) return { code: 'busy', wakesCrm: true }
  if (request.planeEpoch.number > standing.planeNumber || request.epoch > standing.epoch)
    return { code: 'regressed', planeEpoch, wakesCrm: true }
  if (request.planeEpoch.number < standing.planeNumber) return { code: 'plane-epoch', planeEpoch }
  if (request.planeEpoch.uuid !== standing.planeUuid) return { code: 'plane-epoch', planeEpoch }
  // Allotted here but never opened: the opening was lost with the history it stood in.
  if (request.epoch === standing.epoch && standing.bootId === null)
    return { code: 'regressed', planeEpoch, wakesCrm: true }
  if (request.epoch < standing.epoch || standing.bootId !== request.bootId)
    return { code: 'fenced', epoch: standing.epoch }
  if (request.seq <= standing.seq) return { code: 'stale' }
  return { code: 'busy' }
}

async function claim(sql: postgres.Sql, clusterId: number, request: LeaseRequest, s: Standing) {
  const why =
    request.planeEpoch.number > s.planeNumber
      ? `a node remembers plane epoch ${request.planeEpoch.number}, the database ${s.planeNumber}`
      : `a node remembers lease epoch ${request.epoch}, the database ${s.epoch}`
  await sql`
    insert into regress_claim (cluster_id, node_uid, plane_epoch, why)
    select ${clusterId}, ${request.nodeUid}, ${request.planeEpoch.number}, ${why}
    where not exists (select from regress_claim where cluster_id = ${clusterId}
      and node_uid = ${request.nodeUid})`
}
