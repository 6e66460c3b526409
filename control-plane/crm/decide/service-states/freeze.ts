// freeze: left alone while the agent of its node restarts; its grant stays. Thaws when the agent is back (T40, T41).
import type { NodeView } from '../../../cluster/view.ts'
import { nodeNamed, noteService, type Draft } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed } from './step.ts'

export function stepFreeze(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  const node = nodeNamed(draft, status.node)
  // With nothing granted it was stopped, or has ended: what stops and starts such a service knows whom to ask first.
  const thawed = isWanted(managed) && service.grant !== null ? 'started' : 'request_stop'
  if (node && isOperational(draft, node.name)) {
    const { mode } = node.lease
    if (mode === 'active' || mode === 'maintenance')
      return toState(draft, sid, thawed, {}, `the agent of ${node.name} is back`)
    return noteService(draft, sid, `frozen: the agent of ${node.name} is in mode ${mode}`)
  }
  // With a grant open, only proof that it no longer runs takes it from a node that does not come back.
  if (service.grant === null && isLost(draft, node))
    return toState(draft, sid, thawed, {}, `nothing of it is left on ${status.node ?? 'any node'}`)
  noteService(
    draft,
    sid,
    `frozen: waits for ${status.node} to come back, or for: ha-manager fence confirm ${status.node}`,
  )
}

/** It is no member, or has no lease any more and does not ask for one. */
function isLost(draft: Draft, node: NodeView | undefined): boolean {
  if (node === undefined) return true
  const { lease, epochRequest } = node
  const { silentMs } = draft.view.settings.timing
  const asks = epochRequest !== null && draft.nowMs - epochRequest.requestedMs < silentMs
  return !asks && (lease.bootId === null || lease.judgedUntilMs <= draft.nowMs)
}

/** T41: an agent that is about to stop says so, and its services are left as they are. */
export function freezeIfAgentRestarts(draft: Draft, { sid, status }: Managed): boolean {
  const node = nodeNamed(draft, status.node)
  if (!node || !isOperational(draft, node.name) || node.lease.mode !== 'restart') return false
  const { running } = status
  toState(draft, sid, 'freeze', { running }, `the agent of ${node.name} restarts`)
  return true
}
