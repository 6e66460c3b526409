// How a move begins and how it fails. Its middle is the file of the states `relocate` and `migrate`. No driver moves
// live yet, so every move stops the service on its node, and starts it on the other when nothing of it is left.
import type { NodeName, ServiceStatus, Sid } from '../../cluster/view.ts'
import { type Draft, lookAgainAt, nodeNamed } from './draft.ts'
import { toState } from './transition.ts'

/** What a move may take beyond the stop itself: two renewals and a slow plane, with room. */
const moveGraceMs = 30_000

/** First pause after a failed move that placement demanded, and the longest one (D7). */
const firstRetryMs = 10_000
const longestRetryMs = 600_000

/** Sends `sid` to `target`. `command`: on an operator's word. */
export function startMove(
  draft: Draft,
  sid: Sid,
  target: NodeName,
  why: string,
  set: Partial<Pick<ServiceStatus, 'command' | 'failedNodes'>> = {},
): void {
  const { config, grant, status } = draft.view.services[sid]!
  const stopMs = config?.stopTimeoutMs ?? draft.view.settings.timing.stopTimeoutMs
  const deadlineMs = draft.nowMs + stopMs + moveGraceMs
  const fallbackNode = fallbackAfter(draft, status!, target, set.command !== undefined)
  toState(draft, sid, 'relocate', { target, deadlineMs, fallbackNode, ...set }, why)
  // With nothing granted there is nothing to wait for.
  if (grant === null) return
  const { uid } = draft.view.services[sid]!.status!
  draft.jobs.push({ job: 'relocate-service', sid, uid, startAfterMs: deadlineMs })
}

/**
 * Where it returns to after this move (T14, T23): to the node in maintenance that it leaves, whatever makes it leave. Where
 * a person moves it in between, that stays; back there, or moved on from a third node, it returns nowhere any more.
 */
function fallbackAfter(
  draft: Draft,
  { node, fallbackNode }: ServiceStatus,
  target: NodeName,
  isCommanded: boolean,
): NodeName | null {
  if (nodeNamed(draft, node)?.state === 'maintenance') return node
  if (isCommanded) return fallbackNode
  return target !== fallbackNode && node === fallbackNode ? fallbackNode : null
}

/** Back to `started` where it was. A move that placement demanded is tried again, later each time. */
export function failMove(draft: Draft, sid: Sid, status: ServiceStatus, why: string): void {
  if (status.command !== null) return toState(draft, sid, 'started', {}, why)
  const retryAtMs =
    draft.nowMs + Math.min(firstRetryMs * 2 ** Math.min(status.moveFailures, 16), longestRetryMs)
  lookAgainAt(draft, retryAtMs)
  toState(draft, sid, 'started', { moveFailures: status.moveFailures + 1, retryAtMs }, why)
}
