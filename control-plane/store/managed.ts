// Reads which services nodes are to keep start gates for. As `desired`: never answered by a standby (rule 1).
import type postgres from 'postgres'
import type { ServiceType } from '../../shared/names.ts'
import { mostManaged } from './view/managed-digest.ts'

export type StoredManaged = {
  /** As the node's desired state has it: of the view of a round, which may be another than `services` are of. */
  digest: string
  drivers: ServiceType[]
  /** Of all kinds, in order; null where the digest is the one that was given. */
  services: { sid: string; spec: unknown }[] | null
}

export async function readManaged(
  sql: postgres.Sql,
  nodeUid: string,
  has: string | null,
): Promise<StoredManaged | null> {
  const [row] = await sql<StoredManaged[]>`
    select d.managed as digest, n.drivers,
      case when d.managed is distinct from ${has} then (
        select coalesce(jsonb_agg(jsonb_build_object('sid', m.sid, 'spec', m.spec)), '[]')
        from (select s.sid, s.spec from service s
          join service_status t on t.cluster_id = s.cluster_id and t.sid = s.sid
          where s.cluster_id = d.cluster_id and s.requested <> 'ignored'
            and s.sid not like 'process:%'
          order by s.sid collate "C" limit ${mostManaged}) m) end as services
    from desired d
    join node n on n.uid = d.node_uid
    cross join server_identity() i
    where d.node_uid = ${nodeUid}`
  return row ?? null
}
