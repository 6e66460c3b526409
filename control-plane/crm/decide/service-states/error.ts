// error: left alone until a person disables it. Its grant, if one is open, stays open until it is proved to be over (S18).
import { type Draft, lookAgainAt, noteService } from '../draft.ts'
import { toState } from '../transition.ts'
import type { Managed } from './step.ts'

export function stepError(draft: Draft, { sid, service, config, status }: Managed): void {
  if (config.requested !== 'disabled')
    return noteService(draft, sid, 'failed for good: disable it, repair it, then enable it')
  // D2: disabling does not clear failedNodes; only a start that succeeds does.
  if (service.grant === null) return toState(draft, sid, 'stopped', {}, 'it was disabled')
  if (status.retryAtMs !== null && status.retryAtMs > draft.nowMs) {
    lookAgainAt(draft, status.retryAtMs)
    return noteService(draft, sid, 'its stop failed, and will be tried again')
  }
  const why = 'it was disabled, and its grant is still open'
  toState(draft, sid, 'request_stop', { retryAtMs: draft.nowMs }, why)
}
