// A cluster of any size as rows: every node renews, every service runs where it is granted. Written past the triggers,
// which would refuse grants that no round opened; everything a round reads afterwards is what a busy site would hold.
import type postgres from 'postgres'
import { currentProcessSpec } from './spec.ts'

export type FullCluster = { id: number; planeUuid: string }

/** Fills an empty cluster with `nodes` nodes n1… and `services` services s1…, dealt out in turn. */
export async function fillCluster(
  sql: postgres.Sql,
  { id }: FullCluster,
  nodes: number,
  services: number,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await insertNodes(tx, id, nodes)
    await insertServices(tx, id, nodes, services)
    await tx`update crm set next_generation = ${services + 1} where cluster_id = ${id}`
  })
  await sql`analyze`
}

/** The uid of node number `index`, from 1 on. */
export function uidOfNode(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
}

async function insertNodes(tx: postgres.TransactionSql, id: number, nodes: number) {
  const rows = Array.from({ length: nodes }, (_, index) => ({
    uid: uidOfNode(index + 1),
    name: `n${index + 1}`,
  }))
  await tx`
    insert into node (uid, cluster_id, name, hardware_id, credential_hash, drivers, capacity,
      watchdog, virtual, agent_version)
    select uid, ${id}, name, 'hardware-' || name, 'hash-' || name, '["process"]',
      '{"cpus": 16, "memoryBytes": 64000000000}',
      '{"class": "qualified", "identity": "bench", "effectiveMs": 10000}', false, 'bench'
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(uid uuid, name text)`
  await tx`
    insert into lease (node_uid, cluster_id, epoch, boot_id, seq, lease_ms, armed, guarded,
      lrm_state, mode, attested_plane_epoch)
    select uid, ${id}, 1, 'boot-' || name, 1, 60000, true, true, 'active', 'active', 1
    from node where cluster_id = ${id}`
  await tx`
    insert into node_status (node_uid, cluster_id, state, since)
    select uid, ${id}, 'online', clock_timestamp() from node where cluster_id = ${id}`
  await renewAll(tx, id)
}

async function insertServices(
  tx: postgres.TransactionSql,
  id: number,
  nodes: number,
  services: number,
) {
  const spec = JSON.stringify(currentProcessSpec)
  await tx`
    insert into service (cluster_id, sid, requested, spec)
    select ${id}, 'process:s' || i, 'started', ${spec}::text::jsonb
    from generate_series(1, ${services}::int) i`
  await tx`
    insert into service_status (cluster_id, sid, state, node_uid, since, record)
    select ${id}, 'process:s' || i, 'started', n.uid, clock_timestamp(), jsonb_build_object(
      'uid', '1.1.' || i, 'target', null, 'running', true, 'failedNodes', '[]'::jsonb,
      'command', null, 'stopTimeoutMs', null, 'restart', false, 'fallbackNode', null,
      'moveFailures', 0, 'retryAtMs', null, 'deadlineMs', null, 'probeRound', null,
      'groupUnavailable', false)
    from generate_series(1, ${services}::int) i
    join node n on n.cluster_id = ${id} and n.name = 'n' || (1 + (i - 1) % ${nodes}::int)`
  await tx`
    insert into run_grant (cluster_id, sid, generation, opened_at)
    select ${id}, 'process:s' || i, i, clock_timestamp()
    from generate_series(1, ${services}::int) i`
  await tx`
    insert into run_grant_holder (cluster_id, sid, generation, grant_generation, node_uid, epoch,
      opened_at, confirmed_at, confirmed_plane_epoch)
    select g.cluster_id, g.sid, g.generation, g.generation, s.node_uid, 1, clock_timestamp(), clock_timestamp(), 1
    from run_grant g join service_status s on s.cluster_id = g.cluster_id and s.sid = g.sid
    where g.cluster_id = ${id}`
  await tx`
    insert into node_report (node_uid, cluster_id, epoch, boot_id, seq, revision, at, report)
    select s.node_uid, ${id}, 1, 'boot-' || n.name, 1, 0, clock_timestamp(), jsonb_build_object(
      'closed', '[]'::jsonb, 'running', jsonb_agg(jsonb_build_object('sid', s.sid,
        'generation', g.generation, 'state', 'running', 'stable', true)),
      'results', jsonb_agg(jsonb_build_object('uid', s.record->>'uid', 'sid', s.sid,
        'outcome', 'ok')))
    from service_status s join node n on n.uid = s.node_uid
    join run_grant g on g.cluster_id = s.cluster_id and g.sid = s.sid
    where s.cluster_id = ${id} group by s.node_uid, n.name`
}

/** Every node renews now, but for those named. */
export async function renewAll(
  sql: postgres.Sql | postgres.TransactionSql,
  id: number,
  silent: string[] = [],
): Promise<void> {
  await sql`
    update lease l set renewed_at = clock_timestamp(), reported_at = clock_timestamp(),
      seq = l.seq + 1, revision = 1000000,
      lease_until = clock_timestamp() + interval '62 seconds'
    from node n where n.uid = l.node_uid and l.cluster_id = ${id} and l.boot_id is not null
      and n.name <> all(${silent}::text[])`
}

/** Node number `index` reports something new: one more answer of the past. */
export async function reportAnew(sql: postgres.Sql, index: number, answer: string): Promise<void> {
  await sql`
    update node_report set seq = seq + 1, at = clock_timestamp(), report = jsonb_set(report,
      '{results}', report->'results' || jsonb_build_object('uid', ${answer}::text,
        'sid', 'process:s1', 'outcome', 'ok'))
    where node_uid = ${uidOfNode(index)}`
}

/** Node number `index` has been silent until past its fence deadline. */
export async function loseNode(sql: postgres.Sql, index: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`
      update lease set renewed_at = clock_timestamp() - interval '63 seconds',
        reported_at = clock_timestamp() - interval '63 seconds',
        lease_until = clock_timestamp() - interval '1 second'
      where node_uid = ${uidOfNode(index)}`
  })
}
