// Writes what nodes measured of themselves (node_usage). Read with the view; nothing of safety rests on it.
import type postgres from 'postgres'
import type { NodeUsage } from '../../shared/scheduling.ts'

export type UsageRow = { clusterId: number; nodeUid: string; usage: NodeUsage }

/** Replaces the figures of these nodes. A node that is gone, or of another cluster, is passed over. */
export async function writeNodeUsage(sql: postgres.Sql, rows: UsageRow[]): Promise<void> {
  const values = rows.map(({ clusterId, nodeUid, usage }) => ({
    ...{ clusterId, nodeUid },
    usage: {
      node: usage.node,
      services: Object.fromEntries(usage.services.map(({ sid, ...figures }) => [sid, figures])),
    },
  }))
  await sql`
    insert into node_usage (node_uid, cluster_id, at, usage)
    select n.uid, n.cluster_id, clock_timestamp(), r.usage
    from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
      as r("nodeUid" uuid, "clusterId" int, usage jsonb)
    join node n on n.uid = r."nodeUid" and n.cluster_id = r."clusterId" and n.removed_at is null
    order by n.uid
    on conflict (node_uid) do update set at = excluded.at, usage = excluded.usage`
}
