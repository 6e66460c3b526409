// request_start: about to be started, and the place may still change. Before the first grant of a service every node
// that could run it attests that it does not (rule 7, S18).
import { type Draft, nodeNamed, noteService } from '../draft.ts'
import { isOperational, mayBeBack } from '../node-states.ts'
import { whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { nodeClasses } from '../node-classes.ts'
import { type Placement, place } from '../place.ts'
import { answered } from '../probe.ts'
import { setFields, toState } from '../transition.ts'
import { waitForRoster } from './recovery.ts'
import { noMember } from './started-place.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

export function stepRequestStart(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (!isWanted(managed)) return toState(draft, sid, 'request_stop', {}, unwantedWhy(managed))
  if (!service.everGranted && status.probeRound === null)
    return setFields(
      draft,
      sid,
      { probeRound: draft.view.round },
      'its first start asks every node',
    )
  const home = nodeNamed(draft, status.node)
  if (home && !isOperational(draft, home.name) && !mayBeBack(draft, home))
    return toState(draft, sid, 'started', {}, `it is wanted, and ${home.name} is lost`)
  if (isSettling(draft)) return waitForRoster(draft, sid)
  const obstacle = whyNoGrant(draft, sid)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  const { node, why, restrictedOut, note } = whereTo(draft, managed)
  if (node !== null && node !== status.node && isBalanced(draft, managed)) {
    const set = { target: node, ...answered }
    return toState(draft, sid, 'request_start_balance', set, `${node} is better: ${why}`)
  }
  if (node !== null) return toState(draft, sid, 'started', { node, ...answered }, `wanted: ${why}`)
  if (restrictedOut === null) return noteService(draft, sid, note)
  toState(draft, sid, 'stopped', { groupUnavailable: true }, noMember(restrictedOut))
}

/** T4–T6: where it was, and the state `started` sees to its placement; the best node, if it is to be chosen anew. */
function whereTo(draft: Draft, managed: Managed): Placement {
  const { sid, status } = managed
  if (isBalanced(draft, managed)) {
    const best = place(draft, sid, 'best-score')
    if (best.node !== null || best.restrictedOut !== null) return best
  }
  const { restrictedOut } = nodeClasses(draft, sid)
  if (restrictedOut !== null || !isOperational(draft, status.node)) return place(draft, sid, 'stay')
  return { node: status.node, why: 'it was there', restrictedOut, note: '' }
}

function isBalanced(draft: Draft, { status }: Managed): boolean {
  return draft.view.settings.scheduling.rebalanceOnStart && isOperational(draft, status.node)
}
