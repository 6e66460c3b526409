// What a node runs under a generation of a lost history is adopted where it runs, number and all (rule 9); before a
// first grant, too (rule 7). In a quarantine as well: what runs, runs on. Must never adopt one of two copies.
import { currentReport, isUnknownGeneration } from '../../cluster/grants.ts'
import { isHandsOff } from '../../cluster/disarm.ts'
import type { NodeName, ServiceView } from '../../cluster/view.ts'
import type { ServiceState } from '../../../shared/service.ts'
import { claimants, ungranted } from './claimants.ts'
import { decideChange, type Draft, newId } from './draft.ts'
import { isOperational } from './node-states.ts'
import { claimsOn } from './open-grant.ts'
import { setFields, toState } from './transition.ts'

/** Adopts every managed service that has no grant and that exactly one node says it runs, under an unknown generation. */
export function adoptRunning(draft: Draft): void {
  for (const sid of ungranted(draft))
    for (const { node, found } of claimants(draft, sid)) {
      const { generation, state } = found
      const service = draft.view.services.get(sid)
      if (!service || service.grant !== null || state !== 'running') continue
      if (!isUnknownGeneration(service, generation)) continue
      if (!isOperational(draft, node) || currentReport(draft.view.nodes[node]!) === null) continue
      // Beyond all numbers ever allotted: a mark that no plane of this cluster has given.
      if (generation >= draft.view.nextGeneration) continue
      if (service.status && service.config && claimsOn(draft, sid).length === 1)
        adopt(draft, service, generation, node)
    }
}

/** States in which nothing is granted. */
function isOff(state: ServiceState): boolean {
  return state === 'stopped' || state === 'recovery' || state === 'request_start'
}

function adopt(draft: Draft, service: ServiceView, generation: number, node: NodeName): void {
  const { sid } = service
  const { state: from } = service.status!
  const why = `${node} runs it as generation ${generation}, of a lost history`
  const to = service.config!.requested === 'started' ? 'started' : 'request_stop'
  // In `error` it is left alone as before, and held; while the cluster is disarmed, too, except that it is off no more.
  if (from === 'error' || (isHandsOff(draft.view) && !isOff(from)))
    setFields(draft, sid, { node, probeRound: null }, why)
  else if (from !== to) toState(draft, sid, to, { node, probeRound: null }, why)
  else {
    const anew = { uid: newId(draft), running: false, restart: false, command: null }
    setFields(draft, sid, { node, probeRound: null, ...anew }, why)
  }
  const { epoch } = draft.view.nodes[node]!.lease
  decideChange(draft, { kind: 'grant.adopted', sid, generation, node, epoch, why })
}
