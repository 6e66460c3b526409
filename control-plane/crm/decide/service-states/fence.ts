// fence: its node is lost and its lease revoked. Left only on proof that nothing of it is left there, or when the
// node comes back in the same boot with the service still running and keeps it.
import { holderOn, holdsNow } from '../../../cluster/grants.ts'
import { type Draft, nodeNamed, noteService } from '../draft.ts'
import { toState } from '../transition.ts'
import { arriveLive } from './migrate.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

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
  if (holderOn(service.grant, status.node) === undefined) return leaveDead(draft, managed)
  const node = nodeNamed(draft, status.node)
  if (node && holdsNow(service.grant, node)) {
    const why = `${node.name} came back with it still running, and keeps it`
    return toState(draft, sid, isWanted(managed) ? 'started' : 'request_stop', {}, why)
  }
  if (!draft.serviceNotes.has(sid))
    noteService(draft, sid, `waits for evidence that ${status.node} is dead`)
}

/** Nothing of it is left on its node, but another holds its grant: the target of a live move, or what is left of one. */
function leaveDead(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  const { generation, holders } = service.grant!
  const { target } = status
  const why = `nothing of it can still run on ${status.node}, which was moving it to ${target}`
  if (holderOn(service.grant, target) === undefined) {
    const nodes = holders.map((holder) => holder.node).join(' ')
    return noteService(draft, sid, `waits for ${nodes} to end generation ${generation}`)
  }
  if (isWanted(managed)) return arriveLive(draft, managed, why)
  toState(draft, sid, 'request_stop', { node: target }, unwantedWhy(managed))
}
