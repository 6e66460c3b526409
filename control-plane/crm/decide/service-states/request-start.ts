// request_start: about to be started, and the place may still change. Before the first grant of a service every node
// that could run it attests that it does not (rule 7, S18).
import { currentReport } from '../../../cluster/grants.ts'
import { serviceType } from '../../../../shared/names.ts'
import { type Draft, noteService } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { nodeClasses } from '../node-classes.ts'
import { type Placement, place } from '../place.ts'
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
  if (isSettling(draft)) return waitForRoster(draft, sid)
  const obstacle = whyNoGrant(draft, sid) ?? missingAttestation(draft, managed)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  const { node, why, restrictedOut, note } = whereTo(draft, managed)
  if (node !== null && node !== status.node && isBalanced(draft, managed)) {
    const set = { target: node, probeRound: null }
    return toState(draft, sid, 'request_start_balance', set, `${node} is better: ${why}`)
  }
  if (node !== null)
    return toState(draft, sid, 'started', { node, probeRound: null }, `wanted: ${why}`)
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

/** Which nodes have not yet renewed under a desired state that asked for this service; null: all have. */
function missingAttestation(draft: Draft, { sid, status }: Managed): string | null {
  const { probeRound } = status
  if (probeRound === null) return null
  const missing = draft.nodeNames.filter((name) => {
    const node = draft.view.nodes[name]!
    if (!isOperational(draft, name) || !node.drivers.includes(serviceType(sid))) return false
    return currentReport(node) === null || node.lease.revision < probeRound
  })
  if (missing.length === 0) return null
  return `first start: waits for ${missing.join(' ')} to say that nothing of it runs there`
}
