// Orders versus what is on the host: which services run on, which are stopped, which are started.
// SAFETY: nothing is started here but through `startIfAllowed`; a generation is ended only when nothing of it is left.
import type { Order } from '../../../shared/protocol.ts'
import { adopt } from './adopt.ts'
import { type Draft, wakeAt } from './draft.ts'
import { closedUpTo, wishConfirm } from './grants.ts'
import { emergency, emergencyTimeoutMs, leaseAllows } from './lease.ts'
import { isDisarmed, isStoppingAll, type LocalService, type Lrm, type Sid } from './lrm.ts'
import { moveAway, settleMove } from './migrate.ts'
import { isManaged } from './managed.ts'
import { isNewest } from './poll.ts'
import { receive, settleArrival } from './receive.ts'
import { isLive, isStable } from './records.ts'
import { keepRunning } from './run.ts'
import { keepOff, stopNow } from './stop.ts'

/** One step for every service that is ordered or found. */
export function stepServices(draft: Draft): void {
  const why = emergency(draft)
  const { services, journal } = draft.lrm
  const known = [...Object.keys(services), ...Object.keys(journal.moving)]
  const sids = new Set([...known, ...draft.orders.keys()])
  for (const sid of [...sids].sort()) {
    const order = draft.orders.get(sid) ?? null
    if (order) adopt(draft, order)
    const local = draft.lrm.services[sid] ?? null
    if (local) clearFailuresOfStable(draft, local)
    if (why !== null) stopInEmergency(draft, local, why)
    else if (isStoppingAll(draft.lrm)) keepOff(draft, sid, order, local, 'the node shuts down')
    else stepService(draft, sid, order, local)
  }
}

/** Ignores `maxWorkers`, and hurries a stop that is under way but has longer. */
function stopInEmergency(draft: Draft, local: LocalService | null, why: string): void {
  if (!local || local.phase === 'idle') return
  const timeoutMs = emergencyTimeoutMs(draft, local)
  if (local.phase !== 'stopping') {
    if (local.stopFailure !== null && draft.nowMs < local.retryAtMs) wakeAt(draft, local.retryAtMs)
    else stopNow(draft, local, timeoutMs, why)
  } else if (local.stopByMs > draft.nowMs + timeoutMs + 1) stopNow(draft, local, timeoutMs, why)
}

function stepService(
  draft: Draft,
  sid: Sid,
  order: Order | null,
  local: LocalService | null,
): void {
  if (isHandsOff(draft, sid, order, local)) {
    if (order) wishToKeep(draft, order, local)
    return
  }
  // What is left of a service whose main process has ended is no service: it goes, whatever is ordered.
  if (local?.phase === 'unknown' && order?.state !== 'ignored') {
    keepOff(draft, sid, isStop(order) ? order : null, local, 'cleaned up after its end')
    return
  }
  // Orders read without an epoch tell the mode; what runs is settled, one by one, for the next epoch.
  if (draft.lrm.epoch === null && draft.lrm.desired !== null) return settleHalf(draft, sid, local)
  if (local && local.phase !== 'idle' && local.generation <= closedUpTo(draft.lrm, sid)) {
    // Somebody may have brought it back here while the cluster was disarmed: the orders tell whether it still is.
    if (isModeAwaited(draft.lrm)) return
    keepOff(draft, sid, isStop(order) ? order : null, local, 'it was ended for good here')
    return
  }
  if (!isStop(order) && settleMove(draft, sid, order)) return
  if (local?.phase === 'incoming' && !isExpected(draft, order, local)) {
    keepOff(draft, sid, isStop(order) ? order : null, local, 'nothing is to arrive here')
    return
  }
  if (order === null) {
    if (local && isUnordered(draft, local))
      keepOff(draft, sid, null, local, 'it runs without a grant')
    return
  }
  if (isStop(order)) keepOff(draft, sid, order, local, `ordered: ${order.state}`)
  else if (order.state === 'migrate') move(draft, order, local)
  else if (order.state !== 'started') wishToKeep(draft, order, local)
  else if (local?.phase === 'incoming') arrive(draft, order, local)
  else keepRunning(draft, order, local)
}

/** A half of a move is neither running nor stopped, and no epoch is joined before it is: it is ended, again and again. */
function settleHalf(draft: Draft, sid: Sid, local: LocalService | null): void {
  if (local?.phase === 'migrating') settleMove(draft, sid, null)
  else if (local?.phase === 'incoming')
    keepOff(draft, sid, null, local, 'its move is not known under any epoch')
}

/**
 * Not ours to touch: in a disarmed cluster whatever no order names or that is ignored, and what is left of a service that is
 * frozen or in error, or did not stop, until the cluster is armed; and a running copy of a service
 * that is asked for and not granted here, since it may be adopted. Nothing of either is ever started.
 */
function isHandsOff(
  draft: Draft,
  sid: Sid,
  order: Order | null,
  local: LocalService | null,
): boolean {
  const isLeftover = local?.phase === 'unknown'
  if (isDisarmed(draft.lrm))
    return order === null || order.state === 'ignored' || (isLeftover && isLeftAsItIs(order))
  const isAsked = draft.probes.has(sid) && (order === null || order.generation === null)
  return isAsked && isLive(local)
}

function isLeftAsItIs({ state }: Order): boolean {
  return state === 'freeze' || state === 'error'
}

/** Whether the cluster is disarmed will be known with the orders of the epoch that is here, or is to come after a release. */
function isModeAwaited({ desired, epoch, released }: Lrm): boolean {
  return desired === null && (epoch !== null || released)
}

const stops = ['request_stop', 'stopped', 'relocate', 'request_start_balance']

function isStop(order: Order | null): boolean {
  return order !== null && stops.includes(order.state)
}

function move(draft: Draft, order: Order, local: LocalService | null): void {
  if (order.move?.role === 'target') receive(draft, order, local)
  else moveAway(draft, order, local)
}

/** SAFETY: while another node may have a half of it, one that has not come alive is neither ended nor replaced by a start. */
function arrive(draft: Draft, order: Order, local: LocalService): void {
  if (order.shared) wishConfirm(draft, local.sid, local.generation)
  else settleArrival(draft, order, local)
}

/** Whether what is incoming may still come alive here; while the orders are not known, or to be left alone, it may. */
function isExpected(draft: Draft, order: Order | null, local: LocalService): boolean {
  if (order === null) return draft.lrm.epoch !== null && !isNewest(draft)
  if (order.generation !== local.generation) return false
  if (order.state === 'migrate') return order.move?.role === 'target'
  return order.state === 'started' || order.state === 'ignored'
}

/** freeze, error, ignored: nothing is started or stopped; what runs under a grant is confirmed, so that it counts. */
function wishToKeep(draft: Draft, order: Order, local: LocalService | null): void {
  if (isLive(local) && order.generation === local.generation)
    wishConfirm(draft, order.sid, local.generation)
}

/**
 * Whether a service that no order names runs without a grant for certain. Not under a later history of the database
 * than the one this epoch was joined in (what runs, runs on), and only once the orders in hand are the newest: what a
 * newer list of managed services than theirs has told of, and had its driver meet, may be asked for by the next ones, and adopted;
 * and what the cluster gave up before it was adopted belongs to whoever started it.
 */
function isUnordered(draft: Draft, { sid, generation }: LocalService): boolean {
  const { lrm } = draft
  const { desired, journal, planeEpoch } = lrm
  if (generation === 0 && !isManaged(lrm, sid)) return false
  if (!desired || !leaseAllows(draft)) return false
  if (journal.epoch?.planeNumber !== planeEpoch?.number) return false
  return isNewest(draft)
}

function clearFailuresOfStable(draft: Draft, local: LocalService): void {
  if (isStable(draft, local)) local.failures = 0
  else if (local.phase === 'running') wakeAt(draft, local.sinceMs + draft.lrm.timing.stableMs)
}
