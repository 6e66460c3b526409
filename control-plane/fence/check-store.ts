// Which fence devices are to be asked how they are, and what they said: rows of Postgres. Written here are checks only.
import type postgres from 'postgres'
import type { StoredDevice } from './fence-store.ts'
import type { Met } from './meet-device.ts'

/** A device whose node renews now. */
export type DueCheck = {
  clusterId: number
  nodeUid: string
  node: string
  bootId: string
  device: StoredDevice
}

/** One that was asked answers the same for so long. */
const freshFor = '10 minutes'
/** A virtual machine may have left by then, and what is left of a way back look like its end (libvirt.ts). */
const freshHereFor = '2 minutes'
/** The others come in the next minute. */
const mostAtOnce = 500

/** Devices of nodes that renew, set up or booted since they were asked last, or not asked for long; the longest first. */
export async function dueChecks(sql: postgres.Sql): Promise<DueCheck[]> {
  return sql<DueCheck[]>`
    select f.cluster_id as "clusterId", f.node_uid as "nodeUid", n.name as node,
      l.boot_id as "bootId", jsonb_build_object('name', f.name, 'kind', f.kind, 'uid', f.uid, 'expects', f.expects,
        'options', f.options, 'secret', f.secret) as device
    from fence_device f
    join node n on n.uid = f.node_uid and n.removed_at is null
    join lease l on l.node_uid = f.node_uid and l.boot_id is not null
    join cluster c on c.id = f.cluster_id
    left join fence_check k on k.node_uid = f.node_uid and k.name = f.name and k.uid = f.uid
      and k.boot_id = l.boot_id
    where l.renewed_at > clock_timestamp()
        - make_interval(secs => (c.settings->'timing'->>'silentMs')::float8 / 1000)
      and coalesce(k.at < clock_timestamp() - case when f.kind = 'libvirt' and n.virtual
        then ${freshHereFor}::interval else ${freshFor}::interval end, true)
    order by k.at nulls first limit ${mostAtOnce}`
}

/**
 * By the database's clock, as text: the driver would cut a timestamp to milliseconds, and a renewal of just before would
 * count as one of just after. Taken before each device is asked, however long the ones before it took.
 */
export async function clockNow(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ now: string }[]>`select clock_timestamp()::text as now`
  return row!.now
}

/**
 * Writes down what a device said, if the same boot has renewed after `askedAt`: then it lived on when the device was asked.
 * @returns whether it was written
 */
export async function recordCheck(
  sql: postgres.Sql,
  { clusterId, nodeUid, bootId, device }: DueCheck,
  askedAt: string,
  { state, fault }: Met,
  isExpected: boolean,
): Promise<boolean> {
  const rows = await sql`
    insert into fence_check (node_uid, cluster_id, name, uid, boot_id, state, is_expected, fault, at)
    select f.node_uid, ${clusterId}, f.name, f.uid, l.boot_id, ${state}, ${isExpected}, ${fault},
      clock_timestamp()
    from fence_device f join lease l on l.node_uid = f.node_uid
    where f.node_uid = ${nodeUid} and f.name = ${device.name} and f.uid = ${device.uid}
      and l.boot_id = ${bootId} and l.renewed_at > ${askedAt}::text::timestamptz
    on conflict (node_uid, name) do update set uid = excluded.uid, boot_id = excluded.boot_id,
      state = excluded.state, is_expected = excluded.is_expected, fault = excluded.fault,
      at = excluded.at
    returning name`
  return rows.length === 1
}
