// Switches a machine on again after it was fenced, where the policy says so. Must never do so before its death is on record:
// what nobody has written down yet would be undone by it.
import type { Clock, Timers } from '../../shared/clock.ts'
import { bounded, pause } from './bounded.ts'
import type { Drive } from './carry-out.ts'
import { faultText } from './fence-device.ts'

/** The CRM judges within a round or two; else a person may look why it does not. */
const settledWithinMs = 30_000
const pollMs = 1_000
const commandMs = 15_000

/** It was found to be settled no longer ago than this when the command goes out: later it may have been fenced anew. */
const freshMs = 2_000

export type SwitchOnDeps = { clock: Clock; timers: Timers; isSettled: () => Promise<boolean> }

/** Every feed, in order; what became of it, for the log. */
export async function switchOn(
  drives: readonly Pick<Drive, 'view' | 'device'>[],
  { clock, timers, isSettled }: SwitchOnDeps,
): Promise<string> {
  const untilMs = clock.bootMs() + settledWithinMs
  while (!(await isSettled())) {
    if (clock.bootMs() >= untilMs) return 'a node stays off: nobody took its being off for proof'
    await pause(timers, pollMs)
  }
  for (const { view, device } of drives) {
    const askedMs = clock.bootMs()
    if (!(await isSettled()) || clock.bootMs() - askedMs > freshMs)
      return 'a node stays off: its turn came too late'
    try {
      await bounded(timers, commandMs, (signal) => device.powerOn(signal))
    } catch (error) {
      return `a node stays off: ${view.name}: ${faultText(error)}`
    }
  }
  return 'a fenced node is switched on again'
}
