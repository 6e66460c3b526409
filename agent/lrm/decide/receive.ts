// The target's half of a live move: confirmed → opened, paused → it comes alive, or it is ended for good.
// SAFETY: it needs all that a start needs (S4e), for it may come alive at any moment. A half that failed ends the
// generation here: this node never receives it again, so no source can push it to a half that its plane believes ended.
import { serviceType } from '../../../shared/names.ts'
import type { Order } from '../../../shared/protocol.ts'
import { isArmed } from './armed.ts'
import { isBlind } from './blind.ts'
import { beginSurvey, type Draft, isWritten, say, wakeAt, writeDown } from './draft.ts'
import { isDrilling } from './drill.ts'
import type { LrmEvent } from './effect.ts'
import { answer, closedUpTo, closeGeneration, wishConfirm } from './grants.ts'
import { leaseAllows, leaseAllowsUntilMs } from './lease.ts'
import type { LocalService } from './lrm.ts'
import { isGated } from './managed.ts'
import { freshMove } from './migrate.ts'
import { isNewest } from './poll.ts'
import { enterPhase, recordFor } from './records.ts'
import { noteFailure, outwait, replaceOther, whyNever } from './run.ts'
import { stopNow } from './stop.ts'

/** One step of the order to receive `order.generation`. */
export function receive(draft: Draft, order: Order, found: LocalService | null): void {
  const { sid, generation } = order
  if (generation === null) return
  if (replaceOther(draft, order, found)) return
  if (closedUpTo(draft.lrm, sid) >= generation) {
    // The answer it ended with says why.
    if (order.uid in draft.lrm.journal.answers) return
    return answer(draft, order, 'error', `it ended generation ${generation} for good`)
  }
  const local = recordFor(draft, sid, generation)
  switch (local.phase) {
    case 'running':
      wishConfirm(draft, sid, generation)
      return answer(draft, order, 'ok', 'it has arrived')
    case 'incoming':
      wishConfirm(draft, sid, generation)
      // Found by a new process: its driver attaches to it.
      if (local.move === null) open(draft, order, local)
      else if (order.move?.handed) takeUp(draft, order, local, order.move.peer)
      return
    case 'idle':
      // What was sent to this half cannot be sent to another one.
      if (local.lastFailure === null && !order.move?.handed) return open(draft, order, local)
      closeGeneration(draft, sid, generation, 'its half of the move has failed')
      return answerFailed(draft, order, local)
    default:
  }
}

function answerFailed(draft: Draft, order: Order, { lastFailure }: LocalService): void {
  const { outcome, detail } = lastFailure ?? { outcome: 'error', detail: 'its half was lost' }
  answer(draft, order, outcome, detail)
}

function open(draft: Draft, order: Order, local: LocalService): void {
  const { lrm } = draft
  const { sid, generation } = local
  if (lrm.ending !== null || lrm.released || lrm.epoch === null || isDrilling(lrm)) return
  const refusal = whyNever(draft, order)
  if (refusal) return noteFailure(draft, local, refusal.outcome, refusal.detail)
  if (!isGated(lrm, sid)) return outwait(draft, order, local)
  if (lrm.journal.started[sid] !== generation)
    writeDown(draft, (journal) => {
      journal.started[sid] = generation
    })
  wishConfirm(draft, sid, generation)
  if (lrm.confirmed[sid] !== generation || !isArmed(lrm) || !leaseAllows(draft)) return
  if (!isNewest(draft) || !isWritten(draft)) return
  if (local.phase === 'idle') enterPhase(draft, local, 'incoming')
  local.move = freshMove({ waits: 'driver' })
  const from = order.move?.peer ?? ''
  const untilMs = leaseAllowsUntilMs(lrm)
  draft.effects.push({ kind: 'receive', sid, generation, spec: order.spec, from, untilMs })
  say(draft, 'service incoming', { sid, generation, uid: order.uid, from })
}

/**
 * Lets come alive what was received: again with all that a start needs.
 * @param from null: it is not known to have been sent, and only looked at
 */
function takeUp(draft: Draft, order: Order, local: LocalService, from: string | null): void {
  const { lrm } = draft
  const { sid, generation, move } = local
  if (move === null || move.waits !== null || !move.takesUp) return
  if (lrm.ending !== null || lrm.released || lrm.epoch === null || isDrilling(lrm)) return
  if (lrm.confirmed[sid] !== generation || !isArmed(lrm) || !leaseAllows(draft)) return
  if (!isNewest(draft) || !isWritten(draft)) return
  local.move = { ...move, waits: 'driver' }
  const untilMs = leaseAllowsUntilMs(lrm)
  draft.effects.push({ kind: 'take-up', sid, generation, spec: order.spec, from, untilMs })
  say(draft, 'service taken up', { sid, generation, uid: order.uid, from })
}

type Receiving = Extract<LrmEvent, { kind: 'receiving' }>

/** The driver listens, or could not open its half. */
export function noteReceiving(draft: Draft, local: LocalService, event: Receiving): void {
  if (local.phase !== 'incoming') return
  if (event.outcome !== 'ok') return noteFailure(draft, local, event.outcome, event.detail)
  const { askedMs } = local.move ?? freshMove()
  const { address = '', takesUp = false } = event
  local.move = freshMove({ address, takesUp, askedMs })
}

type TakenUp = Extract<LrmEvent, { kind: 'taken-up' }>

/** What was sent off has come alive here, or could not. */
export function noteTakenUp(draft: Draft, local: LocalService, event: TakenUp): void {
  if (local.phase !== 'incoming') return
  if (event.outcome !== 'ok') return noteFailure(draft, local, event.outcome, event.detail)
  noteArrived(draft, local)
}

/** It has come alive here. */
export function noteArrived(draft: Draft, local: LocalService): void {
  if (local.phase !== 'incoming') return
  enterPhase(draft, local, 'running')
  say(draft, 'service arrived', { sid: local.sid, generation: local.generation })
}

/**
 * Its source is gone for good, by proof, and it is to run here. A look that begins now tells whether it has arrived; a
 * half that has not never will, and makes room for a start.
 */
export function settleArrival(draft: Draft, order: Order, local: LocalService): void {
  const { lrm, nowMs } = draft
  wishConfirm(draft, local.sid, local.generation)
  const { move } = local
  // Found by a new process: only its driver knows whether more is to be asked than whether it is there.
  if (move === null) return open(draft, order, local)
  if (move.waits !== null) return
  // Its driver looks closer than any survey, and ends what it has in hand first.
  if (move.takesUp) return takeUp(draft, order, local, null)
  move.askedMs ??= nowMs
  const { survey } = lrm
  if (survey.running) return
  if (survey.startedMs > move.askedMs && !isBlind(lrm, serviceType(local.sid)))
    return stopNow(draft, local, 0, 'its source is gone, and it has not arrived')
  const lookMs = Math.max(move.askedMs + 1, survey.retryMs)
  if (nowMs >= lookMs) beginSurvey(draft)
  else wakeAt(draft, lookMs)
}
