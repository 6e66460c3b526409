// relocate: its node stops it for good, then it starts on the target. Whatever the answers say, the target
// gets it only when no grant is open any more.
import { serviceType } from '../../../../shared/names.ts'
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { whyNotUsable } from '../node-classes.ts'
import { failMove } from '../moves.ts'
import { isOperational } from '../node-states.ts'
import { openGrant, whyNoGrant } from '../open-grant.ts'
import { whyForbidden } from '../../../cluster/rules/forbidden.ts'
import { compiledRules } from '../compiled-rules.ts'
import { whyNotYetOn } from '../partners.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed, outcomeText, resultOf, unwantedWhy } from './step.ts'

export function stepMove(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (service.grant === null) return arrive(draft, managed)
  if (!isOperational(draft, status.node)) {
    if (!draft.serviceNotes.has(sid))
      noteService(draft, sid, `waits for ${status.node}, which is silent`)
    return
  }
  const result = resultOf(draft, managed)
  if (result?.outcome === 'wrong-node')
    return toState(draft, sid, 'error', {}, `the move failed: ${outcomeText(result)}`)
  if (result && result.outcome !== 'ok')
    return failMove(draft, sid, status, `the move failed: ${outcomeText(result)}`)
  if (status.deadlineMs !== null && status.deadlineMs <= draft.nowMs)
    return failMove(draft, sid, status, `${status.node} has not stopped it in time`)
  if (status.deadlineMs !== null) lookAgainAt(draft, status.deadlineMs)
  noteService(draft, sid, `waits for ${status.node} to stop it before it moves to ${status.target}`)
}

function arrive(draft: Draft, managed: Managed): void {
  const { sid, status } = managed
  const target = nodeNamed(draft, status.target)
  if (!isWanted(managed))
    return toState(
      draft,
      sid,
      'request_stop',
      { node: target?.name ?? status.node },
      unwantedWhy(managed),
    )
  const refusal = whyNotThere(draft, managed)
  if (refusal !== null || target === undefined)
    return failMove(draft, sid, status, `${status.target} cannot take it: ${refusal}`)
  const obstacle = whyNoGrant(draft, sid) ?? whyNotYetOn(draft, sid, target.name)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  const why = `nothing of it is left on ${status.node}`
  const { command } = status
  const set = { node: target.name, command, moveFailures: 0, retryAtMs: null }
  toState(draft, sid, 'started', set, why)
  openGrant(draft, sid, target.name, 'moved')
}

function whyNotThere(draft: Draft, { sid, status }: Managed): string | null {
  const target = nodeNamed(draft, status.target)
  if (target === undefined) return 'it is no member any more'
  const forbidden = whyForbidden(compiledRules(draft), draft.view.services, sid, target.name)
  if (forbidden !== null) return forbidden.sentence
  return whyNotUsable(target, serviceType(sid), draft.nowMs)
}
