// The source's half of a live move: confirmed and told where the target listens → journaled → begun → settled.
// SAFETY: what its driver verified settles it, and nothing else. Until then nothing of that generation is started here,
// also by a later process; and after it, not before the plane says that no other node has a half of it left (S4).
import type { Outcome } from '../../../shared/outcome.ts'
import type { Order } from '../../../shared/protocol.ts'
import { isArmed } from './armed.ts'
import { type Draft, isWritten, say, wakeAt, writeDown } from './draft.ts'
import type { LrmEvent } from './effect.ts'
import { answer, closeGeneration, markedOf, wishConfirm } from './grants.ts'
import { leaseAllows, leaseAllowsUntilMs } from './lease.ts'
import { isStaying, type LocalMove, type LocalService, type Lrm, type Sid } from './lrm.ts'
import { isNewest } from './poll.ts'
import { enterPhase } from './records.ts'
import { mayMoveOneMore } from './workers.ts'

/** A cancel that left a doubt is repeated after this. */
const cancelAgainMs = 1_000

const fresh: LocalMove = {
  waits: null,
  address: null,
  takesUp: false,
  sent: false,
  progress: null,
  doubt: null,
  retryAtMs: 0,
  askedMs: null,
}

/** A half of a move in the hands of this process. */
export function freshMove(set: Partial<LocalMove> = {}): LocalMove {
  return { ...fresh, ...set }
}

/** Whether a move away of this generation is not over, or not known to be cleared up elsewhere. */
export function mayBeElsewhere(lrm: Lrm, sid: Sid, generation: number): boolean {
  return lrm.journal.moving[sid]?.generation === generation
}

/** Settles what is left of a move, whatever is ordered; true: there is nothing else to do about the service now. */
export function settleMove(draft: Draft, sid: Sid, order: Order | null): boolean {
  const local = draft.lrm.services[sid]
  if (local?.phase === 'migrating') {
    wishToConfirm(draft, order, local)
    if (!mayGoOn(draft, order, local)) cancelMove(draft, local)
    return true
  }
  const moving = draft.lrm.journal.moving[sid]
  if (!moving) return false
  if (!moving.isOver && (!local || local.phase === 'idle'))
    // Gone, arrived or not: that is for the target to say.
    closeGeneration(draft, sid, moving.generation, 'nothing of it is left here after a move')
  else if (!moving.isOver && local?.phase === 'running' && !isAboutTo(order, local, moving.uid))
    stayed(draft, local, 'error', 'the move was cut short; its job has ended, and it runs here')
  else if (isClearedUp(draft, order, moving.generation))
    writeDown(draft, (journal) => {
      delete journal.moving[sid]
    })
  return false
}

/** Journaled, and to be begun: nothing has happened yet. */
function isAboutTo(order: Order | null, local: LocalService, uid: string): boolean {
  return local.move !== null && order?.state === 'migrate' && order.uid === uid
}

/** The newest orders say that nobody else has a half of it. Those in which it was moved cannot. */
function isClearedUp(draft: Draft, order: Order | null, generation: number): boolean {
  const moving = order && draft.lrm.journal.moving[order.sid]
  if (!moving?.isOver || order?.generation !== generation || order.shared) return false
  return order.uid !== moving.uid && isNewest(draft)
}

function wishToConfirm(draft: Draft, order: Order | null, local: LocalService): void {
  if (order?.generation === local.generation) wishConfirm(draft, local.sid, local.generation)
}

function mayGoOn(draft: Draft, order: Order | null, local: LocalService): boolean {
  const { move } = local
  // An agent that leaves would not hear of its end.
  if ((move?.waits !== 'driver' && !isSent(move)) || !isStaying(draft.lrm)) return false
  // A half that is neither running nor stopped keeps this node from the next epoch.
  if (draft.lrm.epoch === null) return false
  // Between two histories of the database nothing is known yet: what is under way, goes on (rule 9).
  if (draft.lrm.desired === null) return true
  return (
    order?.state === 'migrate' &&
    order.uid === draft.lrm.journal.moving[local.sid]?.uid &&
    order.move?.cancel === false &&
    !(isSent(move) && order.move.handed)
  )
}

/** Sent off, and nothing else is under way: it waits to hear that the target runs it. */
function isSent(move: LocalMove | null): boolean {
  return move?.sent === true && move.waits === null
}

/** SAFETY: of what was sent off the driver ends what is left; it never says again that it runs here. */
function cancelMove(draft: Draft, local: LocalService): void {
  const { sid, generation } = local
  const move = (local.move ??= freshMove())
  if (move.waits === 'cancel') return
  if (draft.nowMs < move.retryAtMs) return wakeAt(draft, move.retryAtMs)
  // One that an earlier process, or somebody else, began without leaving a word.
  const moving = draft.lrm.journal.moving[sid]
  if (moving?.generation !== generation)
    writeDown(draft, (journal) => {
      journal.moving[sid] = { generation, uid: `found.${generation}`, isOver: false }
    })
  move.waits = 'cancel'
  const { uid } = draft.lrm.journal.moving[sid]!
  say(draft, move.sent ? 'what was sent is ended here' : 'move cancelled', { sid, generation, uid })
  draft.effects.push({ kind: 'cancel-move', sid, generation, uid })
}

/** One step of the order to move it away. */
export function moveAway(draft: Draft, order: Order, local: LocalService | null): void {
  const { sid, generation, move } = order
  const isKnown = order.uid in draft.lrm.journal.answers
  if (generation === null || move === undefined || isKnown) return
  if (local?.phase === 'unseen') return wishToConfirm(draft, order, local)
  if (local?.phase === 'starting' || local?.phase === 'stopping') return
  const isHere = local?.phase === 'running' && local.generation === generation
  if (!isHere) return answer(draft, order, 'error', 'it does not run here')
  wishConfirm(draft, sid, generation)
  if (move.cancel) {
    if (draft.lrm.journal.moving[sid]?.uid === order.uid) stayed(draft, local, 'error', notBegun)
    return answer(draft, order, 'error', notBegun)
  }
  if (move.address === null || !mayBegin(draft, order)) return
  if (!journalMove(draft, order, local)) return
  const { peer: target, address, timeoutMs } = move
  const untilMs = leaseAllowsUntilMs(draft.lrm)
  const { uid, spec } = order
  enterPhase(draft, local, 'migrating')
  local.move = freshMove({ waits: 'driver' })
  say(draft, 'service migrating', { sid, generation, uid, target })
  const marked = markedOf(draft.lrm, sid, generation)
  const what = { sid, generation, marked, uid, spec, target, address, timeoutMs, untilMs }
  draft.effects.push({ kind: 'migrate', ...what })
}

const notBegun = 'cancelled before it began'

function mayBegin(draft: Draft, { sid, generation }: Order): boolean {
  const { lrm } = draft
  if (!isStaying(lrm) || lrm.released || lrm.epoch === null) return false
  if (lrm.confirmed[sid] !== generation || !isArmed(lrm) || !leaseAllows(draft)) return false
  return isNewest(draft) && mayMoveOneMore(draft)
}

/** Journal before effect: a process that comes later must know that a job may be under way. */
function journalMove(draft: Draft, order: Order, local: LocalService): boolean {
  const { sid, uid } = order
  if (draft.lrm.journal.moving[sid]?.uid !== uid) {
    writeDown(draft, (journal) => {
      journal.moving[sid] = { generation: local.generation, uid, isOver: false }
    })
    local.move = freshMove()
  }
  return isWritten(draft)
}

type Migrated = Extract<LrmEvent, { kind: 'migrated' }>

/** The driver says what became of it. */
export function noteMigrated(draft: Draft, local: LocalService, event: Migrated): void {
  const moving = draft.lrm.journal.moving[local.sid]
  if (local.phase !== 'migrating' || moving?.uid !== event.uid) return
  const { sid, generation } = local
  const { left, outcome, detail } = event
  say(draft, 'move ended', { sid, generation, outcome, detail, left }, level(outcome))
  if (left === 'sent') {
    // A cancel that came meanwhile will say more.
    const waits = local.move?.waits === 'cancel' ? 'cancel' : null
    local.move = freshMove({ sent: true, waits })
    return
  }
  if (left === 'running') return stayed(draft, local, outcome === 'ok' ? 'error' : outcome, detail)
  if (left === 'unknown') {
    // Told of what was sent off alone: only a plane that orders such moves knows the word.
    const wasSent = local.move?.sent === true || local.move?.doubt != null
    const retryAtMs = draft.nowMs + cancelAgainMs
    local.move = freshMove({ doubt: wasSent ? detail : null, retryAtMs })
    return
  }
  enterPhase(draft, local, 'idle')
  const order = { uid: moving.uid, sid, state: 'migrate' as const }
  closeGeneration(draft, sid, generation, outcome === 'ok' ? 'moved' : `gone: ${detail}`)
  answer(draft, order, outcome, detail)
}

/** Verified: the job has ended for good, and it runs here as before. The other half may still have to be ended. */
function stayed(draft: Draft, local: LocalService, outcome: Outcome, detail: string): void {
  const { sid } = local
  if (local.phase !== 'running') enterPhase(draft, local, 'running')
  local.move = null
  writeDown(draft, (journal) => {
    const moving = journal.moving[sid]
    if (moving) journal.moving[sid] = { ...moving, isOver: true }
  })
  const { uid } = draft.lrm.journal.moving[sid]!
  answer(draft, { uid, sid, state: 'migrate' }, outcome, detail)
}

const level = (outcome: Outcome) => (outcome === 'ok' ? 'info' : 'warn')
