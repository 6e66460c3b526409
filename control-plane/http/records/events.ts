// The change log as events: what the CRM changed, and why. Its ids grow in the order of commits within one cluster,
// because every writer of it holds the cluster's round row.
import type { EventBody } from '../../../shared/operator-api.ts'
import type { Tx } from '../deps.ts'
import { iso } from './iso.ts'

type Row = Omit<EventBody, 'at'> & { at: Date | string }

export type EventFilter = { sid: string | null; node: string | null }

const columns = (tx: Tx) =>
  tx`id::float8 as id, at, round::float8 as round, kind, sid, node, line, why`

const wanted = (tx: Tx, { sid, node }: EventFilter) => tx`
  ${sid === null ? tx`true` : tx`sid = ${sid}`} and ${node === null ? tx`true` : tx`node = ${node}`}`

/** Events after `since`, oldest first. */
export async function eventsAfter(
  tx: Tx,
  clusterId: number,
  since: number,
  filter: EventFilter,
  limit: number,
): Promise<EventBody[]> {
  const rows = await tx<Row[]>`
    select ${columns(tx)} from change_log
    where cluster_id = ${clusterId} and id > ${since} and ${wanted(tx, filter)}
    order by id limit ${limit}`
  return rows.map(body)
}

/** The newest events, oldest of them first. */
export async function newestEvents(
  tx: Tx,
  clusterId: number,
  filter: EventFilter,
  limit: number,
): Promise<EventBody[]> {
  const rows = await tx<Row[]>`
    select ${columns(tx)} from change_log
    where cluster_id = ${clusterId} and ${wanted(tx, filter)} order by id desc limit ${limit}`
  return rows.map(body).reverse()
}

/** Id of the newest event of a cluster; 0 before the first. */
export async function newestEventId(tx: Tx, clusterId: number): Promise<number> {
  const [row] = await tx<{ id: number }[]>`
    select coalesce(max(id), 0)::float8 as id from change_log where cluster_id = ${clusterId}`
  return row?.id ?? 0
}

function body(row: Row): EventBody {
  return { ...row, at: iso(row.at) }
}
