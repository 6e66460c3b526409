// Stopping, and ending a generation for good: driver stop → verified nothing left → closed in the journal → reported.
import type { Outcome } from '../../../shared/outcome.ts'
import type { Order } from '../../../shared/protocol.ts'
import { type Draft, say, wakeAt } from './draft.ts'
import { answer, closeGeneration } from './grants.ts'
import { isStoppingAll, type LocalService, type Sid } from './lrm.ts'
import { enterPhase, recordFor } from './records.ts'
import { hasFreeWorker } from './workers.ts'

const stopRetryMs = 1_000

/** Sees to it that nothing of `sid` is on the host; with an order, ends its generation for good and answers it. */
export function keepOff(
  draft: Draft,
  sid: Sid,
  order: Order | null,
  local: LocalService | null,
  why: string,
): void {
  if (local && local.phase !== 'idle') {
    if (order?.state === 'request_start_balance' && local.phase === 'running') {
      answer(draft, order, 'ignored', 'it runs')
      return
    }
    stopWhenPossible(draft, order, local, why)
    return
  }
  if (order === null) {
    if (isStoppingAll(draft.lrm)) closeUpTo(draft, sid, null, why)
    return
  }
  if (isUnverified(order, local)) {
    if (!hasFreeWorker(draft)) return
    const timeoutMs = order.stopTimeoutMs ?? draft.lrm.timing.stopTimeoutMs
    stopNow(draft, recordFor(draft, sid, order.generation), timeoutMs, why)
    return
  }
  closeUpTo(draft, sid, order.generation, why)
  // To a move `ok` would mean that it has arrived.
  if (order.state === 'migrate') answer(draft, order, 'error', why)
  else if (order.state !== 'started') answer(draft, order, 'ok')
}

/**
 * Whether it is to go elsewhere, and this process has had no hand in this generation of it: its driver then says whether nothing of
 * it is left here, and whether it may be taken from here at all.
 */
function isUnverified(
  order: Order,
  local: LocalService | null,
): order is Order & { generation: number } {
  if (order.generation === null || local?.generation === order.generation) return false
  return order.state === 'relocate'
}

function closeUpTo(draft: Draft, sid: Sid, ordered: number | null, why: string): void {
  const generation = Math.max(ordered ?? -1, draft.lrm.journal.started[sid] ?? -1)
  if (generation >= 0) closeGeneration(draft, sid, generation, why)
}

function stopWhenPossible(
  draft: Draft,
  order: Order | null,
  local: LocalService,
  why: string,
): void {
  if (local.phase === 'stopping') return
  // Where it was found running since, an earlier stop that failed says nothing of this one, which may be another order's.
  if (local.stopFailure !== null && local.phase !== 'running') {
    // To a move a failure would mean that the service runs here as before; to `started`, which is stopped only because
    // the machine goes down, that its start failed: it would be left in `error` instead of being recovered elsewhere.
    if (order && order.state !== 'migrate' && order.state !== 'started')
      answer(draft, order, local.stopFailure.outcome, local.stopFailure.detail)
    if (draft.nowMs < local.retryAtMs) return wakeAt(draft, local.retryAtMs)
  }
  if (!hasFreeWorker(draft)) return
  // Of a service whose main process is gone there is nobody left to ask: what remains is killed at once.
  const leftover = local.phase === 'unknown'
  const timeoutMs = order?.stopTimeoutMs ?? draft.lrm.timing.stopTimeoutMs
  stopNow(draft, local, leftover ? 0 : timeoutMs, why)
}

/** Tells the driver to stop, whatever else is under way; also shortens a stop that is. */
export function stopNow(draft: Draft, local: LocalService, timeoutMs: number, why: string): void {
  if (local.phase !== 'stopping') {
    say(draft, 'service stopping', { sid: local.sid, generation: local.generation, why, timeoutMs })
    enterPhase(draft, local, 'stopping')
  }
  local.stopByMs = draft.nowMs + timeoutMs
  draft.effects.push({
    kind: 'stop',
    sid: local.sid,
    generation: local.generation,
    timeoutMs,
  })
}

/** The driver is done with a stop: `ok` means that nothing is left, verified. */
export function noteStopped(
  draft: Draft,
  local: LocalService,
  outcome: Outcome,
  detail: string,
): void {
  const facts = { sid: local.sid, generation: local.generation, outcome, detail }
  if (outcome === 'ok') {
    enterPhase(draft, local, 'idle')
    local.stopFailure = null
    say(draft, 'service stopped', facts)
    return
  }
  enterPhase(draft, local, 'unknown')
  local.stopFailure = { outcome, detail }
  local.retryAtMs = draft.nowMs + stopRetryMs
  say(draft, 'service does not stop', facts, 'warn')
}
