// How a move begins and how it fails. Its middle is the file of its state: `migrate` for a live one; `relocate` stops the
// service on its node, and starts it on the other when nothing of it is left.
import { hasCurrentLease, holdsNow, otherHolder, reportOn } from '../../cluster/grants.ts'
import type { NodeName, ServiceStatus, Sid } from '../../cluster/view.ts'
import { movesLive } from '../../../shared/specs/service-specs.ts'
import { liveMoveMs } from '../../../shared/timing.ts'
import { decideChange, type Draft, lookAgainAt, nodeNamed, noteService } from './draft.ts'
import { whyNotYetOn } from './partners.ts'
import { claimsOn } from './open-grant.ts'
import { quarantineNote } from './quarantine.ts'
import { toState } from './transition.ts'

/** What a move may take beyond the stop itself: two renewals and a slow plane, with room. */
const moveGraceMs = 30_000

/** First pause after a failed move that placement demanded, and the longest one (D7). */
const firstRetryMs = 10_000
const longestRetryMs = 600_000

type MoveSet = Partial<Pick<ServiceStatus, 'command' | 'failedNodes'>>

/**
 * Sends `sid` to `target`: while it runs, where its kind can; else by stopping it first.
 * @param isLive false: by stopping it, whatever it can
 * @returns false where it cannot move live now: a note says why, and nothing has changed
 */
export function startMove(
  draft: Draft,
  sid: Sid,
  target: NodeName,
  why: string,
  set: MoveSet = {},
  isLive = goesLive(draft, sid, set.command !== undefined),
): boolean {
  const { config, grant, status } = draft.view.services.get(sid)!
  const fallbackNode = fallbackAfter(draft, status!, target, set.command !== undefined)
  if (isLive) return startLiveMove(draft, sid, why, { target, fallbackNode, ...set })
  const stopMs = config?.stopTimeoutMs ?? draft.view.settings.timing.stopTimeoutMs
  const deadlineMs = draft.nowMs + stopMs + moveGraceMs
  toState(draft, sid, 'relocate', { target, deadlineMs, fallbackNode, ...set }, why)
  // With nothing granted there is nothing to wait for.
  if (grant !== null) awaitDeadline(draft, sid, deadlineMs)
  return true
}

/** Whether a move of it now is a live one: its kind can, and it runs. */
export function goesLive(draft: Draft, sid: Sid, isCommanded = false): boolean {
  const service = draft.view.services.get(sid)!
  const { config, grant, status } = service
  // Of what is granted to nobody nothing runs, whatever was said of it last.
  if (grant === null) return false
  if (status?.state !== 'started' || !movesLive(sid, config?.spec, isCommanded)) return false
  // Just back from a failed move its agent has not answered yet, and says all the same that it runs.
  return status.running || reportOn(nodeNamed(draft, status.node), service)?.state === 'running'
}

/** Why `sid` cannot move live to `target` now, or null. */
export function whyNotLive(draft: Draft, sid: Sid, target: NodeName): string | null {
  const { grant, status } = draft.view.services.get(sid)!
  const node = nodeNamed(draft, target)
  if (node === undefined || !hasCurrentLease(node, draft.nowMs)) return `${target} has no lease`
  const source = nodeNamed(draft, status?.node ?? null)
  if (grant === null || source === undefined || !holdsNow(grant, source))
    return 'it does not run under a grant yet'
  const other = otherHolder(grant, source.name)
  if (other) return `${other.node} has not ended its half of the last move yet`
  const stray = claimsOn(draft, sid).find((claim) => claim.node !== source.name)
  if (stray) return `${stray.node} says that it runs it, too`
  return whyNotYetOn(draft, sid, target) ?? quarantineNote(draft)
}

type LiveMove = MoveSet & { target: NodeName; fallbackNode: NodeName | null }

function startLiveMove(draft: Draft, sid: Sid, why: string, move: LiveMove): boolean {
  const { target } = move
  const obstacle = whyNotLive(draft, sid, target)
  if (obstacle !== null) {
    noteService(draft, sid, `cannot move to ${target} while it runs: ${obstacle}`)
    return false
  }
  // SAFETY: first of all the target becomes a holder: from here on it is where the service may be (rule 7, S4).
  const generation = draft.view.nextGeneration
  const { epoch } = draft.view.nodes[target]!.lease
  decideChange(draft, { kind: 'grant.shared', sid, generation, node: target, epoch, why })
  const deadlineMs = draft.nowMs + liveMoveMs + moveGraceMs
  toState(draft, sid, 'migrate', { ...move, deadlineMs }, why)
  awaitDeadline(draft, sid, deadlineMs)
  return true
}

function awaitDeadline(draft: Draft, sid: Sid, deadlineMs: number): void {
  const { uid } = draft.view.services.get(sid)!.status!
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
