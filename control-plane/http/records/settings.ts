// A cluster's settings row, and what a change of it does to leases in the same transaction.
import { Settings } from '../../../shared/settings.ts'
import { fenceAfterMs } from '../../../shared/timing.ts'
import type { Tx } from '../deps.ts'

export type StoredSettings = { settings: Settings; version: number }

export async function readSettings(tx: Tx, clusterId: number): Promise<StoredSettings> {
  const [row] = await tx<{ settings: unknown; version: number }[]>`
    select settings, settings_version::int as version from cluster where id = ${clusterId}`
  return { settings: Settings.parse(row?.settings), version: row?.version ?? 0 }
}

/**
 * Stores the settings. The longest lease ever allowed only grows: a quarantine must outwait leases that were granted
 * under older settings, too.
 */
export async function storeSettings(
  tx: Tx,
  clusterId: number,
  settings: Settings,
): Promise<StoredSettings> {
  const [row] = await tx<{ version: number }[]>`
    update cluster
    set settings = ${JSON.stringify(settings)}::text::jsonb,
        settings_version = settings_version + 1,
        longest_lease_ms = greatest(longest_lease_ms, ${settings.timing.leaseMs})
    where id = ${clusterId}
    returning settings_version::int as version`
  return { settings, version: row?.version ?? 0 }
}

/**
 * Counts every lease as renewed now (rule 1): under the old policy silence meant something else.
 * Rows are locked in node order, as renewals lock them.
 */
export async function countLeasesAsRenewed(
  tx: Tx,
  clusterId: number,
  before: Settings,
  after: Settings,
): Promise<void> {
  const waitMs = Math.max(fenceAfterMs(before.timing), fenceAfterMs(after.timing))
  await tx`
    with locked as (
      select node_uid from lease where cluster_id = ${clusterId} order by node_uid for update
    )
    update lease l
    set lease_until =
      greatest(l.lease_until, clock_timestamp() + ${`${waitMs} milliseconds`}::interval)
    from locked where l.node_uid = locked.node_uid`
}
