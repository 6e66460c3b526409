// Rows of service wishes. Only operators' wishes are written here; where a service is, is the CRM's to say.
import type {
  ServiceConfigBody,
  ServiceCreate,
  ServiceUpdate,
} from '../../../shared/operator-api.ts'
import type { RequestedState } from '../../../shared/service.ts'
import type { Tx } from '../deps.ts'

type Row = Omit<ServiceConfigBody, 'version'> & { version: number }

const columns = (tx: Tx) => tx`
  sid, requested, spec, group_name as "group", max_restart as "maxRestart",
  max_relocate as "maxRelocate", stop_timeout_ms as "stopTimeoutMs", failback,
  auto_rebalance as "autoRebalance", figures, node, adopted_from as "adoptedFrom", comment, version::int`

/** All services of a cluster, by sid. */
export function listServices(tx: Tx, clusterId: number): Promise<ServiceConfigBody[]> {
  return tx<Row[]>`
    select ${columns(tx)} from service where cluster_id = ${clusterId} order by sid`
}

/** One service's configuration; null when it is not configured. */
export async function findService(
  tx: Tx,
  clusterId: number,
  sid: string,
): Promise<ServiceConfigBody | null> {
  const [row] = await tx<Row[]>`
    select ${columns(tx)} from service where cluster_id = ${clusterId} and sid = ${sid}`
  return row ?? null
}

export async function insertService(
  tx: Tx,
  clusterId: number,
  wish: ServiceCreate,
): Promise<ServiceConfigBody> {
  const [row] = await insertServices(tx, clusterId, [wish])
  return row as ServiceConfigBody
}

/** Adds all of them in one statement. */
export function insertServices(
  tx: Tx,
  clusterId: number,
  all: readonly ServiceCreate[],
): Promise<ServiceConfigBody[]> {
  return tx<Row[]>`
    insert into service (cluster_id, sid, requested, spec, group_name, max_restart, max_relocate,
                         stop_timeout_ms, failback, auto_rebalance, figures, node, adopted_from,
                         adopted_after, comment)
    select ${clusterId}, sid, requested, spec, "group", "maxRestart", "maxRelocate", "stopTimeoutMs",
      failback, "autoRebalance", figures, node, "adoptedFrom",
      case when "adoptedFrom" is not null then (
        select coalesce(max(h.generation), 0) from run_grant_holder h
        where h.cluster_id = ${clusterId} and h.sid = r.sid) end, comment
    from jsonb_to_recordset(${JSON.stringify(all)}::text::jsonb) as r(sid text, requested text,
      spec jsonb, "group" text, "maxRestart" int, "maxRelocate" int, "stopTimeoutMs" int,
      failback boolean, "autoRebalance" boolean, figures jsonb, node text, "adoptedFrom" text,
      comment text)
    returning ${columns(tx)}`
}

/** Writes the fields that the wish names and leaves the others. */
export async function updateService(
  tx: Tx,
  clusterId: number,
  now: ServiceConfigBody,
  wish: ServiceUpdate,
): Promise<ServiceConfigBody> {
  const next = { ...now, ...withoutUndefined(wish) } as ServiceConfigBody
  const [row] = await tx<Row[]>`
    update service
    set requested = ${next.requested}, spec = ${JSON.stringify(next.spec)}::text::jsonb,
        group_name = ${next.group}, max_restart = ${next.maxRestart},
        max_relocate = ${next.maxRelocate}, stop_timeout_ms = ${next.stopTimeoutMs},
        failback = ${next.failback}, auto_rebalance = ${next.autoRebalance},
        figures = ${jsonOrNull(next.figures)}::text::jsonb, node = ${next.node},
        comment = ${next.comment}, version = version + 1
    where cluster_id = ${clusterId} and sid = ${now.sid}
    returning ${columns(tx)}`
  return row as ServiceConfigBody
}

/** Sets the requested state; the version moves only when it was another. */
export async function setRequested(
  tx: Tx,
  clusterId: number,
  sid: string,
  requested: RequestedState,
): Promise<void> {
  await tx`
    update service set requested = ${requested}, version = version + 1
    where cluster_id = ${clusterId} and sid = ${sid} and requested <> ${requested}`
}

/** Forgets the wish. Its grant, if one is open, stays until evidence closes it. */
export async function deleteService(tx: Tx, clusterId: number, sid: string): Promise<void> {
  await tx`delete from service where cluster_id = ${clusterId} and sid = ${sid}`
}

/** SQL null, not the null of JSON. */
function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>
}
