// Switches a machine on again after it was fenced, where the policy says so: a job of its own, which is tried again for
// days and keeps no order to switch off waiting. Must never do so before its death is on record: what nobody has written
// down yet would be undone by it. Nor where somebody has turned to it since: it was heard, is in maintenance, or hands are
// to be kept off the cluster. Nor a machine other than the one that was switched off.
import type { Logger } from 'pino'
import type { Clock, Timers } from '../../shared/clock.ts'
import { identityText, isSameMachine } from '../../shared/machine-identity.ts'
import { isSameJson } from '../cluster/same-json.ts'
import { bounded } from './bounded.ts'
import { type FenceDevice, FenceFault, faultText } from './fence-device.ts'
import {
  type FenceStore,
  type OrderName,
  setUpsOf,
  type StoredDevice,
  type SwitchOnTask,
} from './fence-store.ts'

const lookMs = 10_000
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
 * Looks at every feed, and switches on those of this machine, at once: none waits for another.
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

async function switchOn(deps: SwitchOnDeps, name: OrderName): Promise<string> {
  const leftAsItIs = 'a fenced node is left as it is: that is not wanted any more'
  const { open, clock, timers } = deps
  const task = await dueTask(deps, name)
  if (task === null) return leftAsItIs
  const met = await Promise.all(
    task.devices.map((device) => withFault(device, () => meet(deps, device))),
  )
  // Looking takes its time: it may have been fenced anew, or set up anew, meanwhile.
  const askedMs = clock.bootMs()
  const still = await dueTask(deps, name)
  if (still === null) return leftAsItIs
  if (clock.bootMs() - askedMs > freshMs) throw new FenceFault('its turn came too late')
  if (!isSameJson(setUpsOf(task.devices), setUpsOf(still.devices)))
    throw new FenceFault('its fence devices were set up anew meanwhile')
  const told = await Promise.all(
    met.map(async ({ device, fault }) => {
      if (fault !== '') return { device, fault }
      return await withFault(device, () =>
        bounded(timers, commandMs, (signal) => open(device).powerOn(signal)),
      )
    }),
  )
  const faults = told.filter(({ fault }) => fault !== '')
  if (faults.length > 0)
    throw new FenceFault(faults.map(({ device, fault }) => `${device.name}: ${fault}`).join('; '))
  return 'a fenced node is switched on again'
}

/** @throws FenceFault where its being off may still be needed */
async function dueTask({ store }: SwitchOnDeps, name: OrderName): Promise<SwitchOnTask | null> {
  const task = await store.takeOn(name)
  if (task !== null && !task.isSettled) throw new FenceFault('its death is not on record')
  return task
}

/** SAFETY: nothing is switched on before it is known to be this machine, as nothing is switched off. */
async function meet({ open, timers }: SwitchOnDeps, device: StoredDevice): Promise<void> {
  const { identity } = await bounded(timers, lookMs, (signal) => open(device).look(signal))
  if (!isSameMachine(device.expects, identity))
    throw new FenceFault(
      `it speaks of another machine (${identityText(identity)}, not ${identityText(device.expects)})`,
    )
}

/** What went wrong with a device keeps no other waiting. */
async function withFault(device: StoredDevice, act: () => Promise<void>) {
  try {
    await act()
    return { device, fault: '' }
  } catch (error) {
    return { device, fault: faultText(error) }
  }
}
