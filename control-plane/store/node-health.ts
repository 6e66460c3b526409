// Writes what nodes tell of their machines (node_health). Read with the view.
import type postgres from 'postgres'
import type { NodeHealth } from '../../shared/node-health.ts'

export type HealthRow = { clusterId: number; nodeUid: string; health: NodeHealth }

/** Replaces what these nodes told. A node that is gone, or of another cluster, is passed over. */
export async function writeNodeHealth(sql: postgres.Sql, rows: HealthRow[]): Promise<void> {
  await sql`
    insert into node_health (node_uid, cluster_id, at, health)
    select n.uid, n.cluster_id, clock_timestamp(), r.health
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
      as r("nodeUid" uuid, "clusterId" int, health jsonb)
    join node n on n.uid = r."nodeUid" and n.cluster_id = r."clusterId" and n.removed_at is null
    order by n.uid
    on conflict (node_uid) do update set at = excluded.at, health = excluded.health`
}
