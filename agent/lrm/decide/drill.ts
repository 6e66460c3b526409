// A drill: a node that was emptied leaves its watchdog unfed until that resets the machine, and writes a beat to the disk
// as long as it lives. Journal → arm, which is the last feed of this boot → beats → the reset, or the verdict that it does
// not come. SAFETY: only on a node that is empty and holds no grant. From the journal's word on nothing is confirmed, started
// or received in this boot, whatever process asks; from the arming on nothing is fed, armed or closed, until the bound
// is over.
import { isArmingOnDisk } from './armed.ts'
import { type Draft, say, wakeAt, writeDown } from './draft.ts'
import { isEmpty, leaseAllows } from './lease.ts'
import type { LocalDrill } from './drill-state.ts'
import type { Lrm } from './lrm.ts'
import { isNewest } from './poll.ts'
import { holdsGrants } from './watchdog.ts'
import { wishedEffectiveMs, wishedTimeoutMs } from './wished-timeout.ts'

const beatEveryMs = 100
/** So many times W without a reset: the device does not fire. */
const patience = 4

/** Nothing may begin to run here in this boot any more. */
export function isDrilling({ journal }: Lrm): boolean {
  return journal.drill !== undefined && journal.drill.state !== 'over'
}

/** The device is left to itself: not fed, not set, not closed. */
export function isLeftUnfed(lrm: Lrm): boolean {
  return isDrilling(lrm) && lrm.drill?.phase !== 'writing'
}

/** One step of the drill that is under way, or that is ordered. */
export function stepDrill(draft: Draft): void {
  const { lrm } = draft
  const { drill } = lrm.journal
  if (drill === undefined || drill.state === 'over') return begin(draft)
  if (drill.state === 'unfired') return
  lrm.drill ??= inherit(draft)
  switch (lrm.drill.phase) {
    case 'writing':
      return arm(draft, lrm.drill)
    case 'arming':
      return
    case 'unfed':
      return beat(draft, lrm.drill)
    case 'inherited':
      return outwait(draft, lrm.drill)
  }
}

function begin(draft: Draft): void {
  const { lrm } = draft
  const uid = lrm.desired?.drill?.uid
  if (uid === undefined || uid === lrm.lastDrill || uid === lrm.journal.drill?.uid) return
  if (lrm.desired?.mode !== 'maintenance' || lrm.ending !== null || lrm.released) return
  if (lrm.epoch === null || lrm.cleaning !== null || lrm.watchdog.class === 'none') return
  if (!isEmpty(lrm) || holdsGrants(draft) || !leaseAllows(draft) || !isNewest(draft)) return
  const version = writeDown(draft, (journal) => {
    journal.drill = { uid, state: 'begun' }
  })
  lrm.drill = { phase: 'writing', version, fedMs: draft.nowMs, beatMs: 0 }
  say(draft, 'drill begun', { uid, W: wishedEffectiveMs(lrm.watchdog, lrm.timing) }, 'warn')
}

/** The last feed of this boot. */
function arm(draft: Draft, drill: LocalDrill): void {
  const { lrm, nowMs } = draft
  const { watchdog, timing } = lrm
  const why = whyNoMore(draft)
  if (why !== null) return end(draft, 'not-armed', why)
  if (lrm.desired === null || lrm.writtenVersion < drill.version) return
  const timeoutMs = wishedTimeoutMs(watchdog, timing)
  const effectiveMs = wishedEffectiveMs(watchdog, timing)
  if (!isArmingOnDisk(draft, effectiveMs)) return
  drill.phase = 'arming'
  const { uid } = lrm.journal.drill!
  const untilMs = nowMs + effectiveMs / 4
  draft.effects.push({ kind: 'arm', timeoutMs, untilMs, drill: { uid, effectiveMs } })
}

/** Why it is not to be armed any more: a disk may take hours to take it, and the world goes on meanwhile. */
function whyNoMore(draft: Draft): string | null {
  const { desired, ending, released, journal } = draft.lrm
  if (released) return 'its cluster was disarmed before it was armed'
  if (ending !== null) return 'its agent was asked to end before it was armed'
  if (desired === null) return null
  if (desired.mode !== 'maintenance' || desired.drill?.uid !== journal.drill?.uid)
    return 'it was taken back before it was armed'
  if (!isEmpty(draft.lrm) || holdsGrants(draft))
    return 'something came to run there before it was armed'
  return null
}

/** The device is armed; what this process knew of its last feed is over. */
export function noteDrillArmed(draft: Draft): void {
  const { drill } = draft.lrm
  if (drill?.phase !== 'arming') return
  drill.phase = 'unfed'
  drill.fedMs = draft.nowMs
  drill.beatMs = Number.NEGATIVE_INFINITY
  say(draft, 'watchdog left unfed', { until: 'it fires' }, 'warn')
}

/** It cannot be armed: the node goes on as it was. */
export function noteDrillNotArmed(draft: Draft, why: string): void {
  if (draft.lrm.drill?.phase === 'arming') end(draft, 'not-armed', why)
}

function beat(draft: Draft, drill: LocalDrill): void {
  const { lrm, nowMs } = draft
  if (isOverdue(draft, drill)) return
  if (nowMs >= drill.beatMs + beatEveryMs) {
    drill.beatMs = nowMs
    draft.effects.push({ kind: 'beat-drill', fedMs: drill.fedMs })
  }
  wakeAt(draft, Math.min(drill.beatMs + beatEveryMs, boundMs(lrm, drill)))
}

/** The process that began it has ended, and fed once more by that: how long the machine lives is not measured any more. */
function inherit(draft: Draft): LocalDrill {
  draft.effects.push({ kind: 'interrupt-drill' })
  return { phase: 'inherited', version: 0, fedMs: draft.nowMs, beatMs: 0 }
}

function outwait(draft: Draft, drill: LocalDrill): void {
  const { lrm } = draft
  if (!lrm.watchdog.running) return end(draft, 'not-armed', 'its agent ended before it was armed')
  if (!isOverdue(draft, drill)) wakeAt(draft, boundMs(lrm, drill))
}

function boundMs({ watchdog }: Lrm, { fedMs }: LocalDrill): number {
  return fedMs + patience * watchdog.effectiveMs
}

/**
 * SAFETY: the boot stays marked, so that nothing starts in it, and from here on no renewal says armed: nothing is concluded
 * from a device that does not fire. It is closed, lest it fire late and for nothing, unless anything is found here after all.
 */
function isOverdue(draft: Draft, drill: LocalDrill): boolean {
  const { lrm, nowMs } = draft
  if (nowMs < boundMs(lrm, drill)) return false
  const seconds = Math.round((patience * lrm.watchdog.effectiveMs) / 1000)
  end(draft, 'did-not-fire', `it did not fire within ${seconds} s of its last feed`)
  lrm.watchdog.class = 'none'
  lrm.watchdog.isNews = true
  if (!lrm.watchdog.open || !isEmpty(lrm)) return true
  draft.effects.push({ kind: 'close-watchdog' })
  lrm.watchdog.open = false
  lrm.watchdog.running = false
  return true
}

function end(draft: Draft, outcome: 'did-not-fire' | 'not-armed', detail: string): void {
  const { lrm } = draft
  const { uid } = lrm.journal.drill!
  writeDown(draft, (journal) => {
    journal.drill = { uid, state: outcome === 'not-armed' ? 'over' : 'unfired' }
  })
  lrm.drill = null
  lrm.lastDrill = uid
  draft.effects.push({ kind: 'end-drill', uid, outcome, detail })
  say(draft, 'drill over', { uid, outcome, detail }, 'error')
}
