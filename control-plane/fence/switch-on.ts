// Switches a machine on again after it was fenced, where the policy says so: a job of its own, which is tried again a few
// times and keeps no order to switch off waiting. Must never do so before its death is on record: what nobody has written
// down yet would be undone by it. Nor where somebody has turned to it since: it was heard, is in maintenance, or hands are
// to be kept off the cluster.
import type { Logger } from 'pino'
import type { Clock, Timers } from '../../shared/clock.ts'
import { bounded } from './bounded.ts'
import { type FenceDevice, FenceFault, faultText } from './fence-device.ts'
import type { FenceStore, OrderName, StoredDevice } from './fence-store.ts'

const commandMs = 15_000

/** It was found to be due no longer ago than this when the commands go out: later it may have been fenced anew. */
const freshMs = 2_000

export type SwitchOnDeps = {
  store: Pick<FenceStore, 'takeOn'>
  open: (device: StoredDevice) => FenceDevice
  clock: Clock
  timers: Timers
  log: Pick<Logger, 'info' | 'warn'>
}

/**
 * Every feed, at once: none waits for another.
 *
 * @throws FenceFault where it is not on yet, and is to be tried again
 */
export async function switchOnNode(deps: SwitchOnDeps, name: OrderName): Promise<void> {
  const { clusterId, node, epoch } = name
  try {
    const told = await switchOn(deps, name)
    deps.log.info({ clusterId, node, epoch }, told)
  } catch (error) {
    const why = faultText(error)
    deps.log.warn({ clusterId, node, epoch, why }, 'a fenced node is not switched on yet')
    throw error
  }
}

async function switchOn(
  { store, open, clock, timers }: SwitchOnDeps,
  name: OrderName,
): Promise<string> {
  const askedMs = clock.bootMs()
  const task = await store.takeOn(name)
  if (task === null) return 'a fenced node is left as it is: that is not wanted any more'
  if (!task.isSettled) throw new FenceFault('its death is not on record')
  if (clock.bootMs() - askedMs > freshMs) throw new FenceFault('its turn came too late')
  const faults = await Promise.all(
    task.devices.map(async (device) => {
      try {
        await bounded(timers, commandMs, (signal) => open(device).powerOn(signal))
        return []
      } catch (error) {
        return [`${device.name}: ${faultText(error)}`]
      }
    }),
  )
  if (faults.flat().length > 0) throw new FenceFault(faults.flat().join('; '))
  return 'a fenced node is switched on again'
}
