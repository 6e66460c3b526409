// The lease and what follows from it: may the watchdog be fed, may anything run, in which state is the LRM.
// SAFETY: the feed rule stands here, once; the device checks it again at the moment of writing.
import { feedUntilMs, mayFeed } from '../../../shared/lease.ts'
import type { LrmState } from '../../../shared/node.ts'
import { feedMarginMs } from '../../../shared/timing.ts'
import { type Draft, say, sendOnlyAfterJournal, wakeAt, writeDown } from './draft.ts'
import { freshJoining, freshRenewal } from './fresh.ts'
import { closeAllStarted } from './grants.ts'
import type { LocalService, Lrm } from './lrm.ts'

/**
 * Nothing of any service is on the host, and nothing is being started or stopped. SAFETY: without a journal only drivers know what an
 * earlier process left running, and one that is blind from the start has not said that there is nothing.
 */
export function nothingOnHost(lrm: Lrm): boolean {
  if ((lrm.journal.unlooked ?? []).length > 0) return false
  return Object.values(lrm.services).every((service) => service.phase === 'idle')
}

/** Empty as the feed rule means it: nothing confirmed, running or starting, nor asked to be confirmed. */
export function isEmpty(lrm: Lrm): boolean {
  return (
    lrm.looked &&
    nothingOnHost(lrm) &&
    Object.keys(lrm.confirmed).length === 0 &&
    (lrm.renewal.inFlight?.confirms.length ?? 0) === 0
  )
}

/** Whether the lease allows to feed, and so to start, now. */
export function leaseAllows(draft: Draft): boolean {
  const { lrm, nowMs } = draft
  return mayFeed(lrm.lease, feedMarginMs(lrm.watchdog.effectiveMs), nowMs)
}

/** The last moment of that; −Infinity without a lease. */
export function leaseAllowsUntilMs(lrm: Lrm): number {
  return lrm.lease
    ? feedUntilMs(lrm.lease, feedMarginMs(lrm.watchdog.effectiveMs))
    : Number.NEGATIVE_INFINITY
}

/**
 * Whether what runs here must be stopped for want of a lease. Not after a release: the plane then recovers nothing of
 * this node without other evidence; nor under the next epoch, before it says *armed* in it. A process without a lease was
 * left services by an earlier one or has just joined: it has a third of W to get one, as a countdown left running leaves no
 * more; without a countdown the plane has no proof to draw from silence, and nothing hurries.
 */
export function isLost(draft: Draft): boolean {
  const { lrm, nowMs } = draft
  if (lrm.released || nothingOnHost(lrm) || leaseAllows(draft)) return false
  // SAFETY: nothing counts down here and nothing did since the release, so no deadline proves anything of this node.
  if (lrm.unarmedSinceRelease) return false
  if (lrm.lease !== null) return true
  return lrm.watchdog.running && nowMs >= unleasedUntilMs(lrm)
}

/** From its last feed, if this process has fed: a device that could not be closed is fed between a release and the next epoch. */
function unleasedUntilMs({ startedMs, watchdog }: Lrm): number {
  const unfedMs = watchdog.open ? Math.max(startedMs, watchdog.fedMs) : startedMs
  return unfedMs + watchdog.effectiveMs / 3
}

/** How long an emergency stop may be gentle: within half of W, and never past the lease itself. */
export function emergencyTimeoutMs(draft: Draft, service: LocalService): number {
  const { lrm, nowMs } = draft
  const ordered = draft.orders.get(service.sid)?.stopTimeoutMs ?? lrm.timing.stopTimeoutMs
  const half = lrm.watchdog.effectiveMs / 2
  const left = lrm.lease
    ? lrm.lease.sentMs + lrm.lease.leaseMs - nowMs
    : lrm.watchdog.running
      ? half
      : 0
  return Math.round(Math.max(0, Math.min(ordered, half, left)))
}

/** Why everything must be stopped whatever is ordered; null: orders count. */
export function emergency(draft: Draft): string | null {
  const { lrm } = draft
  if (lrm.cleaning !== null) return lrm.cleaning
  if (!isLost(draft)) return null
  return lrm.settings.onLeaseLoss === 'gentle' ? 'the lease runs out' : null
}

/** After the gentle way: nothing is left, so this epoch is over and its grants are ended, before the device is closed. */
export function endLostEpoch(draft: Draft): void {
  const { lrm } = draft
  if (lrm.epoch === null || !lrm.watchdog.open || leaseAllows(draft)) return
  if (lrm.lease === null || !nothingOnHost(lrm)) return
  if (Object.keys(lrm.confirmed).length === 0 && Object.keys(lrm.journal.started).length === 0)
    return
  say(draft, 'epoch over', { epoch: lrm.epoch.number, why: 'all stopped without a lease' }, 'warn')
  leaveEpoch(draft, 'over')
  closeAllStarted(draft, 'the lease ran out')
}

/** The epoch is not to be used any more; the lease stays, for it only ever limits the feeding. */
export function leaveEpoch(draft: Draft, state: 'fenced' | 'over' | 'released' | 'unknown'): void {
  const { lrm } = draft
  writeDown(draft, (journal) => {
    if (journal.epoch) journal.epoch.state = state
  })
  sendOnlyAfterJournal(draft)
  lrm.epoch = null
  lrm.desired = null
  lrm.confirmed = {}
  lrm.renewal = freshRenewal()
  lrm.joining = freshJoining()
  if (lrm.poll.running) draft.effects.push({ kind: 'cancel-poll' })
  lrm.poll = { id: lrm.poll.id + 1, running: false, dueMs: 0, failures: 0 }
}

/** Names the state and says when it changed; asks to be woken when the lease stops to allow. */
export function judgeState(draft: Draft): void {
  const { lrm, nowMs } = draft
  const state = stateOf(draft)
  if (state !== lrm.state) {
    const level = state === 'lost_agent_lock' ? 'warn' : 'info'
    say(draft, 'lrm state', { from: lrm.state, to: state, why: whyState(draft, state) }, level)
    lrm.state = state
  }
  const untilMs = leaseAllowsUntilMs(lrm)
  if (nowMs <= untilMs) wakeAt(draft, untilMs + 1)
  if (lrm.lease === null && lrm.watchdog.running) {
    const limitMs = unleasedUntilMs(lrm)
    if (nowMs < limitMs) wakeAt(draft, limitMs)
  }
}

function stateOf(draft: Draft): LrmState {
  const { lrm } = draft
  if (lrm.cleaning !== null || isLost(draft)) return 'lost_agent_lock'
  if (isEmptied(lrm)) return 'maintenance'
  return lrm.watchdog.open && leaseAllows(draft) ? 'active' : 'wait_for_agent_lock'
}

/** By order of the plane, or because its machine goes down and its services move away first. */
function isEmptied({ desired, ending }: Lrm): boolean {
  return desired?.mode === 'maintenance' || ending?.way === 'migrate'
}

function whyState(draft: Draft, state: LrmState): string {
  const { lrm } = draft
  if (state === 'lost_agent_lock') return lrm.cleaning ?? 'no lease that allows to feed'
  if (state === 'maintenance') return 'it is being emptied'
  if (state === 'active') return 'leased and armed'
  return lrm.epoch === null ? 'no epoch' : 'not armed'
}
