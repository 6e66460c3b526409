// What the watchdog device answered.
import type { WatchdogClass } from '../../../shared/node.ts'
import { type Draft, say, sendOnlyAfterJournal } from './draft.ts'
import type { LrmEvent } from './effect.ts'
import { noteFailure } from './run.ts'
import { forgetUnarmed, isArmed, noteArmedLength } from './armed.ts'
import { noteDrillArmed, noteDrillNotArmed } from './drill.ts'
import { isEmpty, leaveEpoch } from './lease.ts'
import { holdsGrants, noteArmFailed } from './watchdog.ts'

type WatchdogEvent = Extract<
  LrmEvent,
  {
    kind:
      | 'watchdog-seen'
      | 'armed'
      | 'arm-failed'
      | 'fed'
      | 'fed-late'
      | 'feed-failed'
      | 'watchdog-closed'
      | 'watchdog-close-failed'
  }
>

export function absorbWatchdog(draft: Draft, event: WatchdogEvent): void {
  absorb(draft, event)
  const { lrm } = draft
  // SAFETY: whatever may count, or was open for a moment, may have been told to the plane as armed.
  if (!lrm.watchdog.open && !lrm.watchdog.running) return
  lrm.unarmedSinceRelease = false
  if (lrm.journal.unarmed === undefined) return
  forgetUnarmed(draft)
  sendOnlyAfterJournal(draft)
}

function absorb(draft: Draft, event: WatchdogEvent): void {
  const { watchdog } = draft.lrm
  switch (event.kind) {
    case 'watchdog-seen':
      return noteSeen(draft, event)
    case 'armed':
      if (!watchdog.open) say(draft, 'watchdog armed', { effectiveMs: event.effectiveMs })
      watchdog.open = true
      watchdog.running = true
      watchdog.effectiveMs = event.effectiveMs
      watchdog.configuredMs = event.configuredMs
      watchdog.canClose = event.canClose
      watchdog.fedMs = draft.nowMs
      watchdog.retryAtMs = 0
      watchdog.unfedSinceMs = null
      noteDrillArmed(draft)
      return noteArmedLength(draft, event.effectiveMs)
    case 'arm-failed':
      noteArmFailed(draft, event.why)
      if (event.open) watchdog.running = true
      // One that we held was closed; one that an earlier process left running still runs.
      else if (watchdog.open) watchdog.running = false
      watchdog.open = event.open ?? false
      // SAFETY: it may have been set all the same: until it answers, F counts from the longest W it may have.
      if (watchdog.open || watchdog.running)
        watchdog.effectiveMs = Math.max(watchdog.effectiveMs, draft.lrm.armLimit.upTo)
      noteDrillNotArmed(draft, event.why)
      if (isArmed(draft.lrm)) return
      return failWaiting(draft, event.why)
    case 'fed':
      watchdog.unfedSinceMs = null
      return
    case 'fed-late':
      return say(draft, 'watchdog not fed: too late', { why: event.why }, 'warn')
    case 'feed-failed':
      return noteFeedFailed(draft, event.why, event.counting)
    case 'watchdog-closed':
      watchdog.open = false
      watchdog.running = false
      draft.lrm.unarmedSinceRelease = draft.lrm.released
      return say(draft, 'watchdog closed', { released: draft.lrm.released })
    case 'watchdog-close-failed':
      watchdog.open = true
      watchdog.running = true
      watchdog.canClose = false
      return say(draft, 'watchdog cannot be closed', { why: event.why }, 'warn')
  }
}

/** A node's facts change with an epoch only: the plane hears of this with the next one, which is asked for once nothing runs. */
function noteSeen(
  draft: Draft,
  { class: seen, counting, why }: { class: WatchdogClass; counting: boolean; why: string },
): void {
  const { watchdog } = draft.lrm
  if (watchdog.open || watchdog.class === seen) return
  const cannot = seen === 'none'
  const message = cannot ? 'this node cannot protect' : 'this node can protect again'
  say(draft, message, { why }, cannot ? 'error' : 'info')
  watchdog.class = seen
  // One that another program feeds was perhaps left counting by us: what runs here hurries as if it were.
  if (!cannot) watchdog.running = counting
  watchdog.isNews = true
}

/** An epoch under which the plane knows another watchdog is left as soon as it is good for nothing that runs. */
export function leaveOutdatedEpoch(draft: Draft): void {
  const { lrm } = draft
  if (!lrm.watchdog.isNews || lrm.epoch === null || lrm.desired === null) return
  if (lrm.watchdog.open || lrm.ending !== null || !isEmpty(lrm) || holdsGrants(draft)) return
  leaveEpoch(draft, 'over')
}

/**
 * A device that takes no feed for half of W resets the machine soon, or its countdown has stopped. If it says itself
 * that it has, nothing guards this node any more: it says so in its renewals, and tries to arm again.
 */
function noteFeedFailed(draft: Draft, why: string, counting: boolean): void {
  const { watchdog } = draft.lrm
  watchdog.unfedSinceMs ??= draft.nowMs
  const isLong = draft.nowMs - watchdog.unfedSinceMs >= watchdog.effectiveMs / 2
  say(draft, 'watchdog not fed', { why, counting }, isLong ? 'error' : 'warn')
  if (!isLong || counting) return
  watchdog.open = false
  watchdog.running = false
}

/** A node that cannot arm cannot run anything: that counts as a failed start of whatever waits for it. */
function failWaiting(draft: Draft, why: string): void {
  const { lrm } = draft
  for (const order of lrm.desired?.services ?? []) {
    const local = lrm.services[order.sid]
    const isWaited = order.state === 'started' || order.move?.role === 'target'
    const waits = isWaited && local?.phase === 'idle'
    if (!waits || local.generation !== order.generation) continue
    noteFailure(draft, local, 'error', `the watchdog cannot be armed: ${why}`)
    local.phase = 'idle'
  }
}
