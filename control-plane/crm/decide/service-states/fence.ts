// fence: its node is lost and its lease revoked. Left only on proof that nothing of it is left there, or when the
// node comes back in the same boot with the service still running and keeps it.
import { holdsNow } from '../../../cluster/grants.ts'
import { type Draft, nodeNamed, noteService } from '../draft.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed } from './step.ts'

export function stepFence(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (service.grant === null)
    return toState(
      draft,
      sid,
      'recovery',
      {},
      `nothing of it can still run on ${status.node ?? 'any node'}`,
    )
  const node = nodeNamed(draft, status.node)
  if (node && holdsNow(service.grant, node)) {
    const why = `${node.name} came back with it still running, and keeps it`
    return toState(draft, sid, isWanted(managed) ? 'started' : 'request_stop', {}, why)
  }
  if (!draft.serviceNotes.has(sid))
    noteService(draft, sid, `waits for evidence that ${status.node} is dead`)
}
