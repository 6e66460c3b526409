// Feeding, arming and closing the watchdog.
// SAFETY: all three follow from one decision each time; nothing here is done by a timer of its own.
// - Opening and setting the timeout are feeds. A process without a lease does not open the device: one that crashes
//   and comes again for ever would feed it for ever.
// - It is closed only while the node is empty, or once the plane has committed the release.
import { feedMarginMs, leastLeaseMs } from '../../../shared/timing.ts'
import { feedUntilMs } from '../../../shared/lease.ts'
import { type Draft, isWritten, say, wakeAt } from './draft.ts'
import { isArmingOnDisk } from './armed.ts'
import { isLeftUnfed } from './drill.ts'
import { isStaying, type Lrm, type WatchdogView } from './lrm.ts'
import { wishedEffectiveMs, wishedTimeoutMs } from './wished-timeout.ts'
import { isEmpty, leaseAllows, leaseAllowsUntilMs, nothingOnHost } from './lease.ts'

const armRetryMs = 1_000

/** First of all effects. Four times within W, so that a lost feed or a late round costs nothing. */
export function feed(draft: Draft): void {
  const { lrm, nowMs } = draft
  const { watchdog } = lrm
  if (!watchdog.open || isLeftUnfed(lrm)) return
  // Some fire as soon as they are configured to, whatever they may take.
  const everyMs = shortestMs(lrm) / Math.max(4, 2 * watchdog.factor)
  const allowed = leaseAllows(draft)
  // SAFETY: after a committed release nothing is concluded from this device, whatever it does; one that cannot be closed
  // must not reset what was left running on purpose.
  if (!allowed && !isEmpty(lrm) && !lrm.released) return
  if (nowMs < watchdog.fedMs + everyMs) return wakeAt(draft, watchdog.fedMs + everyMs)
  watchdog.fedMs = nowMs
  draft.effects.push({
    kind: 'feed',
    untilMs: allowed ? leaseAllowsUntilMs(lrm) : nowMs + everyMs,
  })
  wakeAt(draft, nowMs + everyMs)
}

/** The shortest W the device may be set to: between an arming that failed and the next, that is not known. */
function shortestMs({ watchdog, timing }: Lrm): number {
  const known = watchdog.configuredMs > 0 ? watchdog.configuredMs * watchdog.factor : Infinity
  return Math.min(watchdog.effectiveMs, wishedEffectiveMs(watchdog, timing), known)
}

/** Opens it when something is to run and the lease allows; closes it when nothing may run. */
export function stepWatchdog(draft: Draft): void {
  const { lrm, nowMs } = draft
  const { watchdog } = lrm
  if (watchdog.class === 'none' || isLeftUnfed(lrm)) return
  if (!watchdog.open && !watchdog.running)
    watchdog.effectiveMs = wishedEffectiveMs(watchdog, lrm.timing)
  if (watchdog.open && mayClose(draft)) {
    draft.effects.push({ kind: 'close-watchdog' })
    // Said closed from here on, also in a renewal of this very decision; a failure to close takes it back.
    watchdog.open = false
    watchdog.running = false
    // Nothing asked before the closing may count as confirmed after it.
    if (lrm.renewal.inFlight) lrm.renewal.inFlight = { ...lrm.renewal.inFlight, confirms: [] }
    return
  }
  if (isLeftCounting(watchdog) && (isEmpty(lrm) || lrm.released)) return takeOver(draft)
  if (!wantsArmed(draft)) return
  const timeoutMs = targetMs(draft)
  if (watchdog.open && watchdog.configuredMs === timeoutMs) return
  if (nowMs < watchdog.retryAtMs) return wakeAt(draft, watchdog.retryAtMs)
  const effectiveMs = Math.max(watchdog.effectiveMs, timeoutMs * watchdog.factor)
  if (lrm.lease === null) return
  const untilMs = feedUntilMs(lrm.lease, feedMarginMs(effectiveMs))
  if (nowMs > untilMs) return
  draft.isArming = lrm.writeFailures === 0
  if (!isArmingOnDisk(draft, effectiveMs)) return
  // Until it is known whether this succeeds.
  watchdog.retryAtMs = nowMs + armRetryMs
  draft.effects.push({ kind: 'arm', timeoutMs, untilMs })
}

function isLeftCounting({ running, open }: WatchdogView): boolean {
  return running && !open
}

/** An earlier process left the countdown running on a host that is empty or released: opened, and then closed. */
function takeOver(draft: Draft): void {
  const { watchdog } = draft.lrm
  if (draft.nowMs < watchdog.retryAtMs) return wakeAt(draft, watchdog.retryAtMs)
  watchdog.retryAtMs = draft.nowMs + armRetryMs
  const timeoutMs = targetMs(draft)
  if (!isArmingOnDisk(draft, timeoutMs * watchdog.factor)) return
  const untilMs = draft.nowMs + watchdog.effectiveMs / 4
  draft.effects.push({ kind: 'arm', timeoutMs, untilMs })
}

/** Whether this node should be under the watchdog: something runs, or is about to, and no release is asked for. */
function wantsArmed(draft: Draft): boolean {
  const { lrm } = draft
  if (lrm.released) return false
  // Its cluster may still be disarmed: what was left alone since the release is not put under a countdown before its orders are known.
  if (lrm.desired === null && lrm.unarmedSinceRelease) return false
  // Between two epochs nothing new is armed, but what runs stays under the countdown it was left with, as the lease allows.
  if (lrm.epoch === null)
    return isLeftCounting(lrm.watchdog) && !nothingOnHost(lrm) && leaseAllows(draft)
  // Nothing new is armed any more; a countdown that an earlier process left running is fed until it may be closed.
  if (!isStaying(lrm)) return isLeftCounting(lrm.watchdog) && !nothingOnHost(lrm)
  if (lrm.desired?.mode === 'disarm') return lrm.watchdog.open
  return draft.wishes.length > 0 || !nothingOnHost(lrm)
}

function mayClose(draft: Draft): boolean {
  const { lrm } = draft
  if (!lrm.watchdog.canClose) return false
  if (lrm.released) return true
  if (!isWritten(draft)) return false
  if (!isEmpty(lrm) || draft.wishes.length > 0) return false
  // While the plane still holds a grant open for this node it counts on the watchdog, and may say so as evidence.
  return !isStaying(lrm) || lrm.epoch === null || !leaseAllows(draft) || !holdsGrants(draft)
}

/** Whether the plane holds any grant open for this node; also true while its orders are not known. */
export function holdsGrants(draft: Draft): boolean {
  const { desired } = draft.lrm
  return desired === null || desired.services.some((order) => order.generation !== null)
}

/**
 * The timeout to configure: the cluster's W. A longer W than the lease in hand can bear waits for a longer lease;
 * a shorter one is set at once, before shorter leases arrive.
 */
function targetMs(draft: Draft): number {
  const { lrm } = draft
  const { timing, watchdog, lease } = lrm
  const wishedMs = wishedTimeoutMs(watchdog, timing)
  if (!watchdog.open || wishedMs <= watchdog.configuredMs || lease === null) return wishedMs
  const needMs = leastLeaseMs(wishedMs * watchdog.factor, timing)
  return lease.leaseMs >= needMs ? wishedMs : watchdog.configuredMs
}

/** The device could not be armed: that counts as a failed start of everything that waits for it. */
export function noteArmFailed(draft: Draft, why: string): void {
  draft.lrm.watchdog.retryAtMs = draft.nowMs + armRetryMs
  say(draft, 'watchdog not armed', { why }, 'warn')
}
