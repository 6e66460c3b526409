// freeze: left alone while the agent of its node restarts, its machine reboots, or the cluster is disarmed; its grant stays.
// Thaws when the agent is back (T40, T41).
import type { NodeView } from '../../../cluster/view.ts'
import { nodeNamed, nodesOf, noteService, type Draft } from '../draft.ts'
import { isOperational, mayBeBack } from '../node-states.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed } from './step.ts'

export function stepFreeze(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  const node = nodeNamed(draft, status.node)
  if (node && isOperational(draft, node.name)) {
    const { mode } = node.lease
    if (mode === 'active' || mode === 'maintenance')
      return thaw(draft, managed, `the agent of ${node.name} is back`)
    return noteService(draft, sid, `frozen: the agent of ${node.name} is in mode ${mode}`)
  }
  // It stays with its node, also when nothing of it is left there: that is what `freeze` promises. Only a person, or the
  // node's leaving the roster, takes it away; with a grant open, that person's word is the proof, too.
  if (service.grant === null && isGone(node))
    return thaw(draft, managed, `${status.node ?? 'its node'} is gone for good`)
  noteService(
    draft,
    sid,
    `frozen: waits for ${status.node} to come back, or for: ha-manager fence confirm ${status.node}`,
  )
}

/**
 * A node that was silent before it heard of the disarm has let go of nothing: once the cluster is armed, its services are as
 * lost as they would be without. Before nodes are fenced, which is for services that are not frozen.
 */
export function thawLost(draft: Draft): void {
  if (draft.view.disarm !== null) return
  for (const node of nodesOf(draft)) {
    if (hasLetGo(node) || isOperational(draft, node.name)) continue
    if (mayBeBack(draft, node)) continue
    for (const sid of draft.index.sidsOn(node.name)) {
      const service = draft.view.services.get(sid)
      if (!service?.config || !service.status) continue
      const { config, status } = service
      if (status.state === 'freeze' && status.node === node.name)
        thaw(
          draft,
          { sid, service, config, status },
          `${node.name} has been silent since before the disarm`,
        )
    }
  }
}

/** The last it said is that it leaves its services as they are: nothing is concluded from its silence. */
function hasLetGo({ lease }: NodeView): boolean {
  return lease.mode === 'disarm' || lease.mode === 'restart'
}

/**
 * T40: it starts where it was, whatever else may be chosen for what starts anew. With nothing granted it was stopped, or has
 * ended; what starts a service that is still to be asked for knows whom to ask first.
 */
function thaw(draft: Draft, managed: Managed, why: string): void {
  const { sid, service, status } = managed
  if (!isWanted(managed)) return toState(draft, sid, 'request_stop', { retryAtMs: null }, why)
  const isKnown = service.everGranted && status.probeRound === null
  if (service.grant !== null || isKnown) return toState(draft, sid, 'started', {}, why)
  const probeRound = status.probeRound === null ? null : draft.view.round
  toState(draft, sid, 'request_start', { probeRound }, why)
}

/** It is no member any more, or a person vouched for its death and it has not come back since. */
function isGone(node: NodeView | undefined): boolean {
  return node === undefined || node.lease.vouchedRound !== null
}

/** T41: an agent that is about to stop says so, and its services are left as they are. */
export function freezeIfAgentRestarts(draft: Draft, { sid, status }: Managed): boolean {
  const node = nodeNamed(draft, status.node)
  if (!node || !isOperational(draft, node.name) || node.lease.mode !== 'restart') return false
  const { running } = status
  toState(draft, sid, 'freeze', { running }, `the agent of ${node.name} restarts`)
  return true
}
