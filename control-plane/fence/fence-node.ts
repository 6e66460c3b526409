// One order of the CRM to switch a node off, carried out: taken, driven, reported, and a round asked for. Idempotent: any
// number of replicas may do so at once, late or twice; an order that is over is left alone.
import type { Logger } from 'pino'
import type { Clock, Timers } from '../../shared/clock.ts'
import type { FencedDeviceView } from '../cluster/fence-view.ts'
import { bounded, pause } from './bounded.ts'
import { carryOut } from './carry-out.ts'
import type { FenceDevice } from './fence-device.ts'
import { isTrueOff } from './found-on.ts'
import { type FenceStore, type OrderName, outcomeOf, type StoredDevice } from './fence-store.ts'

export type FenceDeps = {
  store: FenceStore
  /** The device behind what operators set up. */
  open(device: StoredDevice): FenceDevice
  clock: Clock
  timers: Timers
  log: Pick<Logger, 'info' | 'warn'>
  ring(clusterId: number): void
  /** Has what this order switched off switched on again, by a job of its own. */
  switchOnLater(name: OrderName): Promise<void>
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
async function persist(
  { clock, timers, log }: FenceDeps,
  node: string,
  write: () => Promise<void>,
): Promise<void> {
  const untilMs = clock.bootMs() + reportWithinMs
  for (let pauseMs = 250; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    try {
      return await bounded(timers, reportAnswerMs, write)
    } catch (error) {
      if (clock.bootMs() >= untilMs) throw error
      if (pauseMs === 250)
        log.warn({ node, err: error }, 'what fence devices said is not written down yet')
    }
    await pause(timers, pauseMs)
  }
}

/** When the last readings began, those of every feed: from then on nothing was to be heard of it. null: nothing was read. */
function lastReadMs(said: readonly FencedDeviceView[]): number | null {
  const lasts = said.flatMap(({ readings }) => readings.slice(-1))
  return lasts.length === 0 ? null : Math.min(...lasts.map(({ askedMs }) => askedMs))
}

export async function fenceNode(deps: FenceDeps, name: OrderName): Promise<void> {
  const { store, log, clock } = deps
  const task = await store.take(name)
  if (task === null) return
  const takenMs = clock.bootMs()
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
  const readMs = lastReadMs(said) ?? clock.bootMs()
  await persist(deps, node, async () => {
    // Before the report, which is written once: a job for what nobody has written down finds that it is not due.
    if (outcome === 'off' && task.powersOn) await deps.switchOnLater(name)
    await store.report(task, said, {
      sinceTakenMs: readMs - takenMs,
      agoMs: clock.bootMs() - readMs,
    })
  })
  deps.ring(clusterId)
}
