// The seam between the job that drives fence devices and where clusters are kept: the order, whether it still holds, and
// the report. Written here are reports only; evidence is the CRM's.
import type postgres from 'postgres'
import { Settings } from '../../shared/settings.ts'
import { foundOn } from './found-on.ts'
import { type ReadMoment, readBounds } from './read-moment.ts'
import { doubtAboutReport, type ProofNeeds, readingGapMs } from '../cluster/fence-proof.ts'
import type { FencedDeviceView, FenceDeviceView } from '../cluster/fence-view.ts'

/** Names of an order, as a job carries them. */
export type OrderName = { clusterId: number; node: string; epoch: number; order: string }

/** A device as operators set it up, with its secrets. Never to be logged or answered. */
export type StoredDevice = FenceDeviceView & { options: unknown; secret: unknown }

export type FenceTask = OrderName & {
  nodeUid: string
  attempt: number
  devices: StoredDevice[]
  needs: ProofNeeds
  /** Devices that an earlier attempt for this epoch found on, as they are set up now. */
  wasOn: string[]
  silentMs: number
  /** The boot that is to be proved dead; null: nobody knows. */
  bootId: string | null
  /** It is switched on again once its death is on record. */
  powersOn: boolean
  /** A boot other than that one cannot speak for it, and is switched off in spite of its asking. */
  deafToNewLife: boolean
  /** When it was taken, or a little before, by the database's clock. */
  takenMs: number
}

/** A machine that an order has switched off, with its devices as they are set up now. */
export type SwitchOnTask = {
  devices: StoredDevice[]
  /**
   * It was reported off, this order or its watchdog is proof of its death, and nothing that the epoch held is open: its being
   * off is needed by nobody now.
   */
  isSettled: boolean
}

export interface FenceStore {
  /** The order with its devices; null: it is not in force (any more). */
  take(name: OrderName): Promise<FenceTask | null>
  /** Whether the devices, as they are in the task, may still be told to switch the node off. */
  isInForce(task: FenceTask): Promise<boolean>
  /** Writes down what they said, and when that was, while the order is the last one. */
  report(task: FenceTask, devices: FencedDeviceView[], read: ReadMoment): Promise<void>
  /**
   * What is to be switched on again after the last order; null: that is not wanted (any more). It was heard since it was read
   * off, it is in maintenance, the cluster is disarmed, the policy is another, its devices are not those that
   * read it off, or a person has vouched for its death.
   */
  takeOn(name: OrderName): Promise<SwitchOnTask | null>
}

/** What a report comes to, by the devices as they were when the order was taken. The CRM judges it by what they then are. */
export function outcomeOf(
  { devices, needs }: Pick<FenceTask, 'devices' | 'needs'>,
  said: FencedDeviceView[],
): { outcome: 'off' | 'failed'; why: string } {
  const doubt = doubtAboutReport(devices, { devices: said }, needs)
  return doubt === null
    ? { outcome: 'off', why: 'every device was read off twice' }
    : { outcome: 'failed', why: doubt }
}

/** Each with the name of its set-up: equal where nothing was set up, added or removed in between. */
export function setUpsOf(
  devices: readonly Pick<FenceDeviceView, 'name' | 'uid'>[],
): Record<string, string> {
  return Object.fromEntries(devices.map(({ name, uid }) => [name, uid]))
}

type TaskRow = {
  nodeUid: string
  attempt: number
  virtual: boolean
  isSimulated: boolean
  settings: unknown
  reports: FencedDeviceView[][]
  bootId: string | null
  takenMs: number
  devices: StoredDevice[] | null
}

/** Orders as Postgres keeps them. */
export function postgresFenceStore(sql: postgres.Sql, replica: string): FenceStore {
  return {
    async take({ clusterId, node, epoch, order }) {
      const [row] = await sql<TaskRow[]>`
        select o.node_uid as "nodeUid", o.attempt, n.virtual, c.settings,
          epoch_ms(clock_timestamp()) as "takenMs",
          n.watchdog->>'class' = 'simulated' as "isSimulated", (
          select coalesce(jsonb_agg(r.devices order by r.attempt, r.at), '[]') from fence_report r
          where r.node_uid = o.node_uid and r.epoch = o.epoch) as reports, (
          select v.boot_id from revocation v
          where v.node_uid = o.node_uid and v.epoch = o.epoch) as "bootId", (
          select jsonb_agg(jsonb_build_object('name', f.name, 'kind', f.kind, 'uid', f.uid,
            'expects', f.expects, 'options', f.options, 'secret', f.secret,
            'checked', case when k.node_uid is not null then jsonb_build_object(
              'bootId', k.boot_id, 'state', k.state, 'isExpected', k.is_expected) end)
            order by f.position, f.name)
          from fence_device f
          left join fence_check k on k.node_uid = f.node_uid and k.name = f.name and k.uid = f.uid
          where f.node_uid = o.node_uid) as devices
        from fence_order o
        join node n on n.uid = o.node_uid
        join cluster c on c.id = o.cluster_id
        where o.cluster_id = ${clusterId} and n.name = ${node} and n.removed_at is null
          and o.epoch = ${epoch} and o.uid = ${order}`
      if (!row) return null
      const { timing, afterFence } = Settings.parse(row.settings)
      const { nodeUid, attempt } = row
      const devices = row.devices ?? []
      const task: FenceTask = {
        ...{ clusterId, node, epoch, order, nodeUid, attempt, devices },
        needs: { gapMs: readingGapMs(timing), canMove: row.virtual },
        ...{ wasOn: foundOn(devices, row.reports, row.bootId), silentMs: timing.silentMs },
        ...{ bootId: row.bootId, powersOn: afterFence === 'power-on' },
        deafToNewLife: afterFence === 'power-on' && row.virtual && !row.isSimulated,
        takenMs: row.takenMs,
      }
      return (await this.isInForce(task)) ? task : null
    },

    async isInForce({ nodeUid, epoch, order, silentMs, bootId, deafToNewLife, devices }) {
      const setUps = JSON.stringify(setUpsOf(devices))
      const rows = await sql`
        select from fence_order o
        join node n on n.uid = o.node_uid
        join crm m on m.cluster_id = o.cluster_id
        join plane_epoch p on p.cluster_id = o.cluster_id
        where o.node_uid = ${nodeUid} and o.epoch = ${epoch} and o.uid = ${order}
          and n.removed_at is null and p.quarantine_until is null and m.quorate
          and (m.disarm is null or m.disarm->>'effectiveMs' is null)
          and exists (
            select from run_grant_holder h
            where h.node_uid = o.node_uid and h.epoch = o.epoch and h.closed_at is null)
          -- What is another device by now may switch off another machine.
          and ${setUps}::text::jsonb = (
            select coalesce(jsonb_object_agg(f.name, f.uid), '{}') from fence_device f
            where f.node_uid = o.node_uid)
          -- It is answering for itself: its own word is better than its death.
          and not exists (
            select from epoch_request q
            where q.node_uid = o.node_uid and q.hardware_id = n.hardware_id
              and (not ${deafToNewLife} or q.boot_id is not distinct from ${bootId}::text)
              and q.requested_at > clock_timestamp() - make_interval(secs => ${silentMs / 1000}))
          and not exists (
            select from fence_report r
            where r.node_uid = o.node_uid and r.order_uid = o.uid and r.outcome = 'off')`
      return rows.length === 1
    },

    async takeOn({ clusterId, node, epoch, order }) {
      const [row] = await sql<{ isSettled: boolean; devices: StoredDevice[] | null }[]>`
        select p.quarantine_until is null and coalesce(r.outcome = 'off', false) and not exists (
            select from run_grant_holder h
            where h.node_uid = o.node_uid and h.epoch = o.epoch and h.closed_at is null)
          and exists (
            select from evidence e where e.node_uid = o.node_uid and e.epoch = o.epoch
              and (e.kind = 'watchdog-deadline' or e.fence_order = o.uid))
          as "isSettled", (
          select jsonb_agg(jsonb_build_object('name', f.name, 'kind', f.kind, 'uid', f.uid,
            'expects', f.expects, 'options', f.options, 'secret', f.secret)
            order by f.position, f.name)
          from fence_device f where f.node_uid = o.node_uid) as devices
        from fence_order o
        join node n on n.uid = o.node_uid
        join lease l on l.node_uid = o.node_uid
        join cluster c on c.id = o.cluster_id
        join crm m on m.cluster_id = o.cluster_id
        join plane_epoch p on p.cluster_id = o.cluster_id
        left join fence_report r on r.node_uid = o.node_uid and r.order_uid = o.uid
        left join epoch_request q on q.node_uid = o.node_uid
        where o.cluster_id = ${clusterId} and n.name = ${node} and n.removed_at is null
          and o.epoch = ${epoch} and o.uid = ${order}
          and c.settings->>'afterFence' = 'power-on' and not n.maintenance_requested
          and (m.disarm is null or m.disarm->>'effectiveMs' is null)
          -- Who vouched for its death may be at work on it.
          and not exists (
            select from evidence e
            where e.node_uid = o.node_uid and e.epoch = o.epoch and e.kind = 'operator')
          -- What was set up since may switch on another machine.
          and (r.devices is null or (
            select coalesce(jsonb_object_agg(d->>'name', d->>'uid'), '{}')
            from jsonb_array_elements(r.devices) d
          ) = (
            select coalesce(jsonb_object_agg(f.name, f.uid), '{}') from fence_device f
            where f.node_uid = o.node_uid))
          -- Not: has a lease. One may have been opened for what it had asked before it was switched off.
          and coalesce(greatest(l.renewed_at, l.reported_at, q.requested_at) <= r.at, true)`
      return row ? { isSettled: row.isSettled, devices: row.devices ?? [] } : null
    },

    async report(task, devices, read) {
      const { nodeUid, order } = task
      const { latestMs, agoMs } = readBounds(task.takenMs, read)
      const { outcome, why } = outcomeOf(task, devices)
      // Two replicas may have carried it out: that it was off is not taken back by the one that saw less.
      await sql`
        insert into fence_report (node_uid, cluster_id, epoch, order_uid, attempt, outcome, why,
          devices, replica, at)
        select o.node_uid, o.cluster_id, o.epoch, o.uid, o.attempt, ${outcome}, ${why},
          ${JSON.stringify(devices)}::text::jsonb, ${replica},
          case when ${outcome} = 'off' then least(from_epoch_ms(${latestMs}::float8),
            clock_timestamp() - make_interval(secs => ${agoMs / 1000}))
          -- The next attempt waits from here on.
          else clock_timestamp() end
        from fence_order o where o.node_uid = ${nodeUid} and o.uid = ${order}
        on conflict (node_uid, order_uid) do update set outcome = excluded.outcome,
          why = excluded.why, devices = excluded.devices, replica = excluded.replica,
          at = excluded.at
        where fence_report.outcome = 'failed' and excluded.outcome = 'off'`
    },
  }
}
