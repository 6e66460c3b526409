// request_start: about to be started, and the place may still change. Before the first grant of a service every node
// that could run it attests that it does not (rule 7, S18).
import { currentReport } from '../../../cluster/grants.ts'
import { serviceType } from '../../../../shared/names.ts'
import { type Draft, noteService } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { openGrant, whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import { waitForRoster } from './recovery.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

export function stepRequestStart(draft: Draft, managed: Managed): void {
  const { sid, service, config, status } = managed
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
  const { candidates, restrictedOut, note } = place(draft, sid, 'stay')
  const [best] = candidates
  if (best) {
    toState(draft, sid, 'started', { node: best.node, probeRound: null }, `wanted: ${best.why}`)
    return openGrant(draft, sid, best.node, 'wanted')
  }
  if (!restrictedOut) return noteService(draft, sid, note)
  const why = `no member of its restricted group ${config.group} is available`
  toState(draft, sid, 'stopped', { groupUnavailable: true }, why)
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
