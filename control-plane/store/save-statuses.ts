// Saves the CRM's rows about nodes and services: exactly those that differ between two views.
import type postgres from 'postgres'
import type { ClusterView, NodeName, ServiceStatus } from '../cluster/view.ts'

export async function saveNodeStatuses(
  tx: postgres.TransactionSql,
  before: ClusterView,
  after: ClusterView,
) {
  const rows = Object.values(after.nodes).filter((node) => {
    const old = before.nodes[node.name]
    if (node === old) return false
    return node.state !== old?.state || node.note !== old.note || node.toldEnd !== old.toldEnd
  })
  if (rows.length === 0) return
  const values = rows.map(({ uid, state, sinceMs, note, toldEnd = '' }) => ({
    ...{ uid, state, sinceMs, note, toldEnd },
  }))
  await tx`
    insert into node_status (node_uid, cluster_id, state, since, note, told_end)
    select uid, ${after.cluster.id}, state, from_epoch_ms("sinceMs"), note, "toldEnd"
    from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
      as r(uid uuid, state text, "sinceMs" double precision, note text, "toldEnd" text)
    on conflict (node_uid) do update set state = excluded.state, since = excluded.since,
      note = excluded.note, told_end = excluded.told_end`
}

export async function saveServiceStatuses(
  tx: postgres.TransactionSql,
  before: ClusterView,
  after: ClusterView,
) {
  const rows: unknown[] = []
  for (const [sid, service] of Object.entries(after.services))
    if (service.status && service.status !== before.services[sid]?.status)
      rows.push(statusRow(after, sid, service.status))
  const dropped = Object.keys(before.services).filter(
    (sid) => before.services[sid]?.status && !after.services[sid]?.status,
  )
  if (rows.length > 0)
    await tx`
      insert into service_status (cluster_id, sid, state, node_uid, since, note, record)
      select ${after.cluster.id}, sid, state, "nodeUid", from_epoch_ms("sinceMs"), note, record
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(sid text, state text,
        "nodeUid" uuid, "sinceMs" double precision, note text, record jsonb)
      on conflict (cluster_id, sid) do update set state = excluded.state,
        node_uid = excluded.node_uid, since = excluded.since, note = excluded.note,
        record = excluded.record`
  if (dropped.length > 0)
    await tx`
      delete from service_status
      where cluster_id = ${after.cluster.id} and sid = any(${dropped}::text[])`
}

function statusRow(view: ClusterView, sid: string, status: ServiceStatus) {
  const { state, node, sinceMs, note, ...record } = status
  return { sid, state, nodeUid: uidOf(view, node), sinceMs, note, record }
}

function uidOf(view: ClusterView, node: NodeName | null): string | null {
  return node === null ? null : (view.nodes[node]?.uid ?? null)
}
