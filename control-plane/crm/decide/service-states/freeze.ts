// freeze: left alone while the agent of its node restarts; its grant stays. Thaws when the agent is back (T40, T41).
import { nodeNamed, noteService, type Draft } from '../draft.ts'
import { isOperational } from '../node-states.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed } from './step.ts'

export function stepFreeze(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  const node = nodeNamed(draft, status.node)
  if (node && isOperational(draft, node.name)) {
    const { mode } = node.lease
    if (mode === 'active' || mode === 'maintenance')
      return toState(
        draft,
        sid,
        isWanted(managed) ? 'started' : 'request_stop',
        {},
        `the agent of ${node.name} is back`,
      )
    return noteService(draft, sid, `frozen: the agent of ${node.name} is in mode ${mode}`)
  }
  // Only proof that it no longer runs (a person's, as a rule) takes it from a node that does not come back.
  const isRevoked = node === undefined || (node.lease.bootId === null && node.epochRequest === null)
  if (service.grant === null && isRevoked)
    return toState(draft, sid, 'fence', {}, `nothing of it is left on ${status.node ?? 'any node'}`)
  noteService(
    draft,
    sid,
    `frozen: waits for ${status.node} to come back, or for: ha-manager fence confirm ${status.node}`,
  )
}

/** T41: an agent that is about to stop says so, and its services are left as they are. */
export function freezeIfAgentRestarts(draft: Draft, { sid, status }: Managed): boolean {
  const node = nodeNamed(draft, status.node)
  if (!node || !isOperational(draft, node.name) || node.lease.mode !== 'restart') return false
  const { running } = status
  toState(draft, sid, 'freeze', { running }, `the agent of ${node.name} restarts`)
  return true
}
