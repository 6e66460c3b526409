// request_stop: to be stopped by its agent. Stopped is what has no open grant; an answer alone closes none.
import { type Draft, nodeNamed, noteService } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { toState } from '../transition.ts'
import { freezeIfAgentRestarts } from './freeze.ts'
import { type Managed, outcomeText, resultOf } from './step.ts'

/** A stop that failed is tried again no sooner, where the service is disabled. */
const retryStopMs = 10_000

export function stepRequestStop(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (service.grant === null) {
    const { groupUnavailable } = status
    const why =
      status.node === null ? 'nothing of it runs' : `nothing of it is left on ${status.node}`
    return toState(draft, sid, 'stopped', { groupUnavailable }, why)
  }
  if (freezeIfAgentRestarts(draft, managed)) return
  const result = resultOf(draft, managed)
  if (result && result.outcome !== 'ok')
    return toState(
      draft,
      sid,
      'error',
      { retryAtMs: draft.nowMs + retryStopMs },
      `${status.node} could not stop it: ${outcomeText(result)}`,
    )
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
