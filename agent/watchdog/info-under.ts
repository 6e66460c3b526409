// What a node tells of its watchdog under the timing of its cluster. Asks only.
import { type Timing, whyTooSlow } from '../../shared/timing.ts'
import type { WatchdogInfo } from '../../shared/node.ts'
import type { Watchdog } from './watchdog.ts'

/**
 * As the device says of itself, set to the cluster's W. SAFETY: one that the lease leaves no time to feed is never armed, and guards
 * nothing: what is given to a node that does not say so waits there for ever.
 */
export function infoUnder(watchdog: Pick<Watchdog, 'info'>, timing: Timing): WatchdogInfo {
  const info = watchdog.info(timing.watchdogMs)
  const slow = info.class === 'none' ? null : whyTooSlow(info.effectiveMs, timing)
  return slow === null
    ? info
    : { ...info, class: 'none', note: `${info.identity}: ${slow}`.slice(0, 500) }
}
