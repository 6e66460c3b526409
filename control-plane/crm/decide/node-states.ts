// What the CRM thinks of each node: it renews (online, maintenance) or it is silent (unknown). `fence` is entered in
// fencing.ts, when its lease is revoked, and left here, when nothing of the revoked epochs is left.
import { hasCurrentLease } from '../../cluster/grants.ts'
import type { NodeName, NodeView } from '../../cluster/view.ts'
import type { NodeState } from '../../../shared/node.ts'
import { decideChange, type Draft, nodeNamed } from './draft.ts'

/** Judges every node. May be asked again in the same plan. */
export function judgeNodes(draft: Draft): void {
  for (const name of draft.nodeNames) {
    const node = draft.view.nodes[name]!
    if (node.state === 'fence' && node.revocations.length === 0)
      setNodeState(draft, name, 'unknown', 'none of its services can still be running')
    if (node.state === 'gone') setNodeState(draft, name, 'unknown', 'it is a member again')
    judgeNode(draft, name)
  }
}

function judgeNode(draft: Draft, name: NodeName): void {
  const node = draft.view.nodes[name]!
  if (node.state === 'fence') return
  if (!isRenewing(draft, node)) return setNodeState(draft, name, 'unknown', silence(draft, node))
  const isToBeEmptied = node.maintenanceRequested || node.lease.mode === 'maintenance'
  if (isToBeEmptied)
    return setNodeState(draft, name, 'maintenance', 'maintenance was requested, and it renews')
  setNodeState(
    draft,
    name,
    'online',
    node.state === 'maintenance' ? 'maintenance is over' : 'it renews its lease',
  )
}

/** The node renews: the last renewal of the epoch it has now is recent, and its deadline has not passed. */
export function isRenewing(draft: Draft, node: NodeView): boolean {
  const { renewedMs } = node.lease
  return (
    renewedMs !== null &&
    draft.nowMs - renewedMs < draft.view.settings.timing.silentMs &&
    hasCurrentLease(node, draft.nowMs)
  )
}

/** The node renews and was judged so: it may be asked to do things. */
export function isOperational(draft: Draft, name: NodeName | null): boolean {
  const node = nodeNamed(draft, name)
  return node !== undefined && (node.state === 'online' || node.state === 'maintenance')
}

export function setNodeState(draft: Draft, name: NodeName, to: NodeState, why: string): void {
  const from = draft.view.nodes[name]!.state
  if (from !== to) decideChange(draft, { kind: 'node.state', node: name, from, to, why })
}

function silence(draft: Draft, { lease }: NodeView): string {
  if (lease.bootId === null) return 'it has no lease'
  if (lease.renewedMs === null) return 'it has not renewed its new lease yet'
  return `it has not renewed for ${Math.round(draft.nowMs - lease.renewedMs)} ms`
}
