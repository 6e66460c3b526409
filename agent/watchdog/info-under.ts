// What a node tells of its watchdog under the timing of its cluster. Asks only.
import { type Timing, whyTooSlow } from '../../shared/timing.ts'
import type { WatchdogInfo } from '../../shared/node.ts'
import type { Watchdog } from './watchdog.ts'

type Device = Pick<Watchdog, 'info' | 'isRunning'>

/**
 * As the device says of itself, set to the cluster's W. SAFETY: one that the lease leaves no time to feed is never armed, and guards
 * nothing: what is given to a node that does not say so waits there for ever. Not said of one that counts down: it guards what
 * runs here, is fed for as long as the lease allows, and its proof must not be denied.
 */
export function infoUnder(watchdog: Device, timing: Timing): WatchdogInfo {
  const info = watchdog.info(timing.watchdogMs)
  if (info.class === 'none' || watchdog.isRunning()) return info
  const slow = whyTooSlow(info.effectiveMs, timing)
  return slow === null
    ? info
    : { ...info, class: 'none', note: `${info.identity}: ${slow}`.slice(0, 500) }
}
