// The watchdog's timeout as the cluster's timing wishes it, on this device.
import type { Timing } from '../../../shared/timing.ts'
import type { WatchdogView } from './lrm.ts'

/** What to configure for the cluster's W. */
export function wishedTimeoutMs(watchdog: WatchdogView, timing: Timing): number {
  return Math.max(Math.round(timing.watchdogMs / watchdog.factor), watchdog.leastMs)
}

/** How long the machine then lives after its last feed. */
export function wishedEffectiveMs(watchdog: WatchdogView, timing: Timing): number {
  return wishedTimeoutMs(watchdog, timing) * watchdog.factor
}
