// migrate: moving live. Both nodes hold the grant, and only what each of them proves counts (S4): the source that its half
// is gone, or that the move has ended for good and the service runs there as before. No answer at all, and no time that
// passes, ever sends it back.
import { serviceType } from '../../../../shared/names.ts'
import type { OrderResult } from '../../../../shared/protocol.ts'
import { holderOn, reportOn } from '../../../cluster/grants.ts'
import type { NodeName } from '../../../cluster/view.ts'
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { failMove, startMove } from '../moves.ts'
import { isOperational } from '../node-states.ts'
import { setFields, toState } from '../transition.ts'
import { isWanted, type Managed, outcomeText, resultOf, unwantedWhy } from './step.ts'

export function stepMigrate(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  const { grant } = service
  // Both halves end: each node that holds the grant stops what it has.
  if (!isWanted(managed)) return toState(draft, sid, 'request_stop', {}, unwantedWhy(managed))
  if (grant === null) {
    const why = `nothing of it is left on ${status.node} or ${status.target}`
    return failMove(draft, sid, status, why)
  }
  const isAtSource = holderOn(grant, status.node) !== undefined
  const isAtTarget = holderOn(grant, status.target) !== undefined
  if (isAtSource && isAtTarget) return awaitSource(draft, managed)
  if (isAtTarget) return arriveLive(draft, managed, `nothing of it is left on ${status.node}`)
  if (isAtSource) {
    if (targetSaid(draft, managed)?.outcome === 'not-live') return stopInstead(draft, managed)
    return failMove(draft, sid, status, whyTargetEnded(draft, managed))
  }
  noteService(
    draft,
    sid,
    `waits for ${grant.holders[0]?.node} to end generation ${grant.generation}`,
  )
}

/** The source is proved to have nothing of it, so the target is where it is, or will be started. */
export function arriveLive(draft: Draft, { sid, status }: Managed, why: string): void {
  const { target, command } = status
  // What arrived bears the number of its half, whatever its source had been adopted under.
  const set = { node: target, command, foundAs: null, moveFailures: 0, retryAtMs: null }
  toState(draft, sid, 'started', set, why)
}

function awaitSource(draft: Draft, managed: Managed): void {
  const { sid, status } = managed
  const result = resultOf(draft, managed)
  if (result?.outcome === 'wrong-node')
    return toState(draft, sid, 'error', {}, `the move failed: ${outcomeText(result)}`)
  if (result && cannotSend(managed, result)) return stopInstead(draft, managed)
  if (result && result.outcome !== 'ok')
    return failMove(draft, sid, status, `the move failed: ${outcomeText(result)}`)
  const why = status.moveCancelled ? null : whyCancel(draft, managed)
  if (why !== null) return setFields(draft, sid, { moveCancelled: true }, why)
  if (!isOperational(draft, status.node)) {
    if (!draft.serviceNotes.has(sid))
      noteService(draft, sid, `waits for ${status.node}, which is silent`)
    return
  }
  if (status.deadlineMs !== null) lookAgainAt(draft, status.deadlineMs)
  noteService(draft, sid, progressNote(draft, managed))
}

/**
 * An agent of a version whose driver of resources moves nothing live calls the order `invalid`, with the resource running
 * there as before. As a target it could not start what is to move live, either: that one's `invalid` ends the move.
 */
function cannotSend({ sid }: Managed, { outcome }: OrderResult): boolean {
  return outcome === 'not-live' || (outcome === 'invalid' && serviceType(sid) === 'ocf')
}

/** A driver has looked closer than its kind and specification allow: the same move, by a stop. */
function stopInstead(draft: Draft, { sid, status }: Managed): void {
  const why = `${serviceType(sid)} cannot move it live: relocated`
  const { command } = status
  startMove(draft, sid, status.target!, why, { command }, false)
}

/** Why the source is to end the move; what becomes of the service is for it to say. */
function whyCancel(draft: Draft, { status }: Managed): string | null {
  const { node, target, deadlineMs } = status
  if (deadlineMs !== null && deadlineMs <= draft.nowMs)
    return `it has not moved to ${target} in time: the move is cancelled`
  if (!isOperational(draft, target)) {
    const state = nodeNamed(draft, target)?.state ?? 'gone'
    return `${target} is ${state}: the move is cancelled`
  }
  const leaving = [node, target].find((name) => isLeaving(draft, name))
  return leaving === undefined ? null : `the agent of ${leaving} leaves: the move is cancelled`
}

function isLeaving(draft: Draft, name: NodeName | null): boolean {
  const mode = nodeNamed(draft, name)?.lease.mode
  return mode !== undefined && mode !== 'active' && mode !== 'maintenance'
}

function whyTargetEnded(draft: Draft, managed: Managed): string {
  const { target } = managed.status
  const result = targetSaid(draft, managed)
  return result
    ? `${target} could not receive it: ${outcomeText(result)}`
    : `the move failed: nothing of it can still arrive on ${target}`
}

/** Why the target has ended its half; null: it has not said. */
function targetSaid(draft: Draft, { sid, status }: Managed): OrderResult | null {
  const { target, uid } = status
  const result = target === null ? null : draft.index.result(target, uid)
  return result?.sid === sid && result.outcome !== 'ok' ? result : null
}

function progressNote(draft: Draft, { service, status }: Managed): string {
  const { node, target } = status
  const says = (name: string | null) => reportOn(nodeNamed(draft, name), service)
  const source = says(node)
  const doubt = source?.doubt ? `: ${source.doubt}` : ''
  if (status.moveCancelled) return `waits for ${node} to say what became of it${doubt}`
  if (says(target)?.state === 'running')
    return `it has arrived on ${target}; waits for ${node} to say that nothing of it is left there${doubt}`
  if (doubt) return `waits for ${node} to say what is left of it${doubt}`
  if (source?.progress) {
    const { percent, remainingBytes } = source.progress
    const left = `${Math.ceil(remainingBytes / 1024 ** 2)} MiB left`
    return `moves to ${target}: ${Math.floor(percent)} %, ${left}`
  }
  if (source?.sent) return `was sent to ${target}; waits for ${target} to take it up`
  if (source?.state === 'migrating') return `moves to ${target}`
  if (says(target)?.address !== undefined) return `waits for ${node} to begin`
  return `waits for ${target} to be ready to receive it`
}
