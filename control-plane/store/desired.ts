// Reads what a node is to do. Must never be answered by a standby: server_identity() raises there (rule 1).
import type postgres from 'postgres'
import type { PlaneEpoch } from '../../shared/lease.ts'
import { isToBeTold } from './node-questions.ts'

export type StoredDesired = {
  revision: number
  planeEpoch: PlaneEpoch
  document: Record<string, unknown> | null
  /** Digest of the services that the node is to keep start gates for; empty: there are none. */
  managed: string
  /** There is a question that the node is to be told. */
  isAsked: boolean
}

/** The node's desired state; `document` null where it equals what the node has. */
export async function readDesired(
  sql: postgres.Sql,
  nodeUid: string,
  has: { planeEpoch: number; revision: number },
): Promise<StoredDesired | null> {
  const [row] = await sql<StoredDesired[]>`
    select d.revision::float8 as revision,
      jsonb_build_object('number', p.number, 'uuid', p.uuid) as "planeEpoch",
      case when d.revision = ${has.revision} and p.number = ${has.planeEpoch}
        then null else d.document end as document, d.managed,
      exists (select from node_question q where q.node_uid = d.node_uid and ${isToBeTold(sql)})
        as "isAsked"
    from desired d
    join plane_epoch p on p.cluster_id = d.cluster_id and p.number = d.plane_epoch
    cross join server_identity() i
    where d.node_uid = ${nodeUid} and p.system_id = i.system_id and p.timeline = i.timeline`
  return row ?? null
}
