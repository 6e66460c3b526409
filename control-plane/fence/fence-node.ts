// One order of the CRM to switch a node off, carried out: taken, driven, reported, and a round asked for. Idempotent: any
// number of replicas may do so at once, late or twice; an order that is over is left alone.
import type { Logger } from 'pino'
import type { Clock, Timers } from '../../shared/clock.ts'
import type { FencedDeviceView } from '../cluster/fence-view.ts'
import { bounded, pause } from './bounded.ts'
import { carryOut } from './carry-out.ts'
import { switchOn } from './switch-on.ts'
import type { FenceDevice } from './fence-device.ts'
import {
  type FenceStore,
  type FenceTask,
  isTrueOff,
  type OrderName,
  outcomeOf,
  type StoredDevice,
} from './fence-store.ts'

export type FenceDeps = {
  store: FenceStore
  /** The device behind what operators set up. */
  open(device: StoredDevice): FenceDevice
  clock: Clock
  timers: Timers
  log: Pick<Logger, 'info' | 'warn'>
  ring(clusterId: number): void
}

/** Longer than databases take to be replaced. Nothing else is ordered before their clusters have settled again. */
const reportWithinMs = 300_000
const reportAnswerMs = 10_000
const longestPauseMs = 2_000

/**
 * Until it is written down: what was read cannot be read again, where a machine that is off may just as well be elsewhere.
 *
 * @throws what the last attempt failed with, where none succeeded in that time
 */
async function report(
  { store, clock, timers, log }: FenceDeps,
  task: FenceTask,
  said: FencedDeviceView[],
): Promise<void> {
  const untilMs = clock.bootMs() + reportWithinMs
  for (let pauseMs = 250; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    try {
      return await bounded(timers, reportAnswerMs, () => store.report(task, said))
    } catch (error) {
      if (clock.bootMs() >= untilMs) throw error
      if (pauseMs === 250)
        log.warn({ node: task.node, err: error }, 'what fence devices said is not written down yet')
    }
    await pause(timers, pauseMs)
  }
}

export async function fenceNode(deps: FenceDeps, name: OrderName): Promise<void> {
  const { store, log } = deps
  const task = await store.take(name)
  if (task === null) return
  const { clusterId, node, epoch, attempt } = task
  log.info({ clusterId, node, epoch, attempt }, 'fence devices are told to switch a node off')
  const drives = task.devices.map(({ options, secret, ...view }) => ({
    view,
    device: deps.open({ ...view, options, secret }),
    wasOn: task.wasOn.includes(view.name),
    isTrueOff: isTrueOff(view, task.needs),
  }))
  const isInForce = () => store.isInForce(task)
  const said = await carryOut(drives, task.needs.gapMs, { ...deps, isInForce })
  if (said === null)
    return log.info({ clusterId, node, epoch, attempt }, 'the order to switch a node off is over')
  const { outcome, why } = outcomeOf(task, said)
  log.info({ clusterId, node, epoch, attempt, outcome, why }, 'fence devices have answered')
  await report(deps, task, said)
  deps.ring(clusterId)
  if (outcome !== 'off' || !task.powersOn) return
  const isSettled = () => store.isSettled(task)
  const told = await switchOn(drives, { ...deps, isSettled })
  log.info({ clusterId, node, epoch, attempt }, told)
}
