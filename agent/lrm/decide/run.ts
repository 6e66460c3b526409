// Keeping a service running: confirm → start → verify, retries on this node, giving up.
// SAFETY: a start needs the confirm of this epoch and plane epoch, an armed watchdog, the feed rule and the journal.
import { feedMarginMs, leastLeaseMs } from '../../../shared/timing.ts'
import { feedUntilMs } from '../../../shared/lease.ts'
import type { Outcome } from '../../../shared/outcome.ts'
import type { Order } from '../../../shared/protocol.ts'
import { serviceType } from '../../../shared/names.ts'
import { isArmed } from './armed.ts'
import { type Draft, isWritten, say, wakeAt, writeDown } from './draft.ts'
import { isDrilling } from './drill.ts'
import { answer, closedUpTo, closeGeneration, wishConfirm } from './grants.ts'
import { leaseAllows } from './lease.ts'
import { isStaying, type LocalService } from './lrm.ts'
import { isGated, ungatedLooks } from './managed.ts'
import { mayBeElsewhere } from './migrate.ts'
import { enterPhase, isStable, recordFor } from './records.ts'
import { stopNow } from './stop.ts'
import { hasFreeWorker } from './workers.ts'

/** Retries of a failing start wait 0.2 s, then twice as long each time, at most this. */
const longestRetryMs = 10_000
/** A driver that is blind is asked again every second; each look may take some seconds. */
const blindLooks = 15
/** As a number of failures: more than any `maxRestart`. */
const neverAgain = 1_000_000

/** One step towards `order.generation` running here. */
export function keepRunning(draft: Draft, order: Order, found: LocalService | null): void {
  const { sid, generation } = order
  if (generation === null || replaceOther(draft, order, found)) return
  if (closedUpTo(draft.lrm, sid) >= generation) return
  const local = recordFor(draft, sid, generation)
  // SAFETY: another node may have a half of it, which might yet come alive (S4): what is not running here waits.
  const isHeld = order.shared === true || mayBeElsewhere(draft.lrm, sid, generation)
  if (isHeld && local.phase !== 'running') return wishConfirm(draft, sid, generation)
  if (order.restart && !isHeld && !isRestarted(draft, order))
    return stopForRestart(draft, order, local)
  if (local.phase === 'running') {
    wishConfirm(draft, sid, generation)
    answer(draft, order, 'ok')
  }
  if (local.phase === 'unseen') wishConfirm(draft, sid, generation)
  if (local.phase === 'idle') startIfAllowed(draft, order, local)
}

/** True while another generation than the order names is on the host. */
export function replaceOther(draft: Draft, order: Order, found: LocalService | null): boolean {
  const { generation } = order
  if (!found || found.phase === 'idle' || found.generation === generation) return false
  // An older one was ended by evidence while this node did not hear of it. A newer one: the order is old.
  if (generation !== null && found.generation < generation && found.phase !== 'stopping')
    stopNow(draft, found, order.stopTimeoutMs, `generation ${generation} replaces it`)
  return true
}

function isRestarted(draft: Draft, order: Order): boolean {
  const { answers, restarted } = draft.lrm.journal
  return order.uid in answers || order.uid in restarted
}

/** The first half of a restart; the generation stays open. */
function stopForRestart(draft: Draft, order: Order, local: LocalService): void {
  if (local.phase === 'idle') {
    writeDown(draft, (journal) => {
      journal.restarted[order.uid] = true
    })
    local.failures = 0
    local.retryAtMs = 0
    startIfAllowed(draft, order, local)
  } else if (local.phase === 'running') {
    wishConfirm(draft, order.sid, local.generation)
    if (hasFreeWorker(draft)) stopNow(draft, local, order.stopTimeoutMs, 'ordered: restart')
  }
}

function startIfAllowed(draft: Draft, order: Order, local: LocalService): void {
  const { lrm, nowMs } = draft
  const { sid, generation } = local
  if (!isStaying(lrm) || lrm.released || lrm.epoch === null) return
  const refusal = whyNever(draft, order)
  if (refusal) return giveUp(draft, order, local, refusal.outcome, refusal.detail)
  if (isDrilling(lrm)) return
  if (local.failures > order.maxRestart) {
    const last = local.lastFailure ?? { outcome: 'error' as const, detail: 'failed' }
    return giveUp(draft, order, local, last.outcome, last.detail)
  }
  // Whoever else could start something here must not be able to, before this node says that it is about to.
  if (!isGated(lrm, sid)) return outwait(draft, order, local)
  if (lrm.journal.started[sid] !== generation)
    writeDown(draft, (journal) => {
      journal.started[sid] = generation
    })
  wishConfirm(draft, sid, generation)
  if (nowMs < local.retryAtMs) return wakeAt(draft, local.retryAtMs)
  if (lrm.confirmed[sid] !== generation || !isArmed(lrm) || !leaseAllows(draft)) return
  // Journal before effect. Anything written down later than this grant is no reason to wait, but costs no more.
  if (!isWritten(draft) || !hasFreeWorker(draft)) return
  start(draft, order, local)
}

/**
 * Its driver does not answer, or has no start gate: said once, and given up after a while, for another node may have one that
 * answers. Only what was never begun here is known not to be here without one.
 */
export function outwait(draft: Draft, order: Order, local: LocalService): void {
  const { sid, generation } = local
  const looks = ungatedLooks(draft.lrm, sid)
  if (looks === 0) return
  const why = 'its driver does not answer, or has no start gate'
  if (local.waitsFor !== why) say(draft, 'service waits', { sid, generation, why }, 'warn')
  local.waitsFor = why
  if (draft.lrm.journal.started[sid] === generation || looks < blindLooks) return
  giveUp(draft, order, local, 'error', `${why}: ${blindLooks} looks`)
}

function start(draft: Draft, order: Order, local: LocalService): void {
  const { lrm } = draft
  if (lrm.lease === null) return
  const { sid, generation } = local
  const untilMs = feedUntilMs(lrm.lease, feedMarginMs(lrm.watchdog.effectiveMs))
  enterPhase(draft, local, 'starting')
  draft.effects.push({ kind: 'start', sid, generation, spec: order.spec, untilMs })
  const attempt = `${local.failures + 1} of ${order.maxRestart + 1}`
  say(draft, 'service starting', { sid, generation, uid: order.uid, attempt })
}

/** Reasons for which no attempt on this node makes sense. */
export function whyNever(draft: Draft, order: Order): { outcome: Outcome; detail: string } | null {
  const { lrm } = draft
  if (!lrm.self.drivers.includes(serviceType(order.sid)))
    return { outcome: 'unknown-service', detail: `no driver for ${serviceType(order.sid)} here` }
  if (lrm.watchdog.class === 'none')
    return { outcome: 'error', detail: 'this node has no watchdog that could protect it' }
  const { leaseMs } = lrm.timing
  const needMs = leastLeaseMs(lrm.watchdog.effectiveMs, lrm.timing)
  if (isArmed(lrm) && leaseMs < needMs)
    return {
      outcome: 'error',
      detail: `the watchdog needs leases of ${needMs} ms, they are ${leaseMs}`,
    }
  return null
}

/** No further attempt: the generation is ended for good, then the order is answered. Nothing of it is on the host. */
function giveUp(
  draft: Draft,
  order: Order,
  local: LocalService,
  outcome: Outcome,
  detail: string,
): void {
  closeGeneration(draft, local.sid, local.generation, `given up: ${detail}`)
  answer(draft, order, outcome, detail)
}

/** A start or a running service failed: what is left of it is cleaned up first, then it is tried again, or not. */
export function noteFailure(
  draft: Draft,
  local: LocalService,
  outcome: Outcome,
  detail: string,
): void {
  const hopeless = outcome === 'invalid' || outcome === 'unknown-service'
  // The end of a service that had been running well is no failed start: it is started again at once.
  const wasStable = isStable(draft, local)
  if (!wasStable) local.failures = hopeless ? neverAgain : local.failures + 1
  const pauseMs = Math.min(longestRetryMs, 100 * 2 ** Math.min(local.failures, 20))
  local.retryAtMs = wasStable ? draft.nowMs : draft.nowMs + pauseMs
  local.lastFailure = { outcome, detail }
  local.stopFailure = null
  const { sid, generation, failures } = local
  say(draft, 'service failed', { sid, generation, outcome, detail, failures }, 'warn')
  enterPhase(draft, local, 'unknown')
}
