// request_stop: to be stopped by its agent. Stopped is what has no open grant; an answer alone closes none.
import type { OrderResult } from '../../../../shared/protocol.ts'
import { hasSaidOf } from '../../../cluster/taken-over.ts'
import { type Draft, lookAgainAt, newId, nodeNamed, noteService } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { whyNoLook } from '../probe.ts'
import { setFields, toState } from '../transition.ts'
import { freezeIfAgentRestarts } from './freeze.ts'
import { isWanted, type Managed, outcomeText, resultOf } from './step.ts'

/** A stop that failed is tried again no sooner, where the service is disabled. */
const retryStopMs = 10_000

/** T2: of a service that is new here nobody knows whether it runs. Its node stops it if it does, and says so. */
function whyNotKnown(draft: Draft, { sid, service, status }: Managed): string | null {
  const { node, probeRound } = status
  if (node === null || probeRound === null || !isOperational(draft, node)) return null
  return hasSaidOf(service, draft.view.nodes[node]!, probeRound)
    ? null
    : `waits for ${node} to say that nothing of it runs there${whyNoLook(draft, sid)}`
}

/**
 * T26: an error, and a person is needed. Where one has disabled it because of that, its stop is tried again and again: it
 * counts as stopped only when its grant is closed (S18).
 */
function takeFailure(draft: Draft, { sid, config, status }: Managed, result: OrderResult): void {
  const why = `${status.node} could not stop it: ${outcomeText(result)}`
  const { retryAtMs } = status
  const laterMs = draft.nowMs + retryStopMs
  if (config.requested !== 'disabled' || retryAtMs === null)
    return toState(draft, sid, 'error', { retryAtMs: laterMs }, why)
  if (retryAtMs <= draft.nowMs)
    return setFields(draft, sid, { uid: newId(draft), retryAtMs: laterMs }, `${why}; tried again`)
  lookAgainAt(draft, retryAtMs)
  noteService(draft, sid, `${why}; it is tried again`)
}

export function stepRequestStop(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (service.grant === null) {
    const doubt = whyNotKnown(draft, managed)
    if (doubt !== null) return noteService(draft, sid, doubt)
    const { groupUnavailable } = status
    const why =
      status.node === null ? 'nothing of it runs' : `nothing of it is left on ${status.node}`
    return toState(draft, sid, 'stopped', { groupUnavailable, retryAtMs: null }, why)
  }
  if (freezeIfAgentRestarts(draft, managed)) return
  const result = resultOf(draft, managed)
  // Its stop goes on failing while it is disabled, and now it is wanted again: whatever of it runs, runs where it should.
  if (status.retryAtMs !== null && isWanted(managed) && result && result.outcome !== 'ok')
    return toState(
      draft,
      sid,
      'started',
      { retryAtMs: null },
      'it is wanted again, and did not stop',
    )
  if (result && result.outcome !== 'ok') return takeFailure(draft, managed, result)
  if (draft.serviceNotes.has(sid)) return
  noteService(
    draft,
    sid,
    isOperational(draft, status.node)
      ? `waits for ${status.node} to stop it and to find nothing of it left`
      : (draft.nodeNotes.get(status.node ?? '') ??
          `waits for ${status.node}, which is ${nodeNamed(draft, status.node)?.state ?? 'gone'}`),
  )
}
