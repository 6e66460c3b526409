// What the CRM thinks of each node: it renews (online, maintenance) or it is silent (unknown). `fence` is entered in
// fencing.ts, when its lease is revoked, and left here, when nothing of the revoked epochs is left.
import { hasCurrentLease } from '../../cluster/grants.ts'
import * as renewing from '../../cluster/renewing.ts'
import { drillOf, isToBeEmpty } from '../../cluster/drills.ts'
import type { ClusterView, NodeName, NodeView } from '../../cluster/view.ts'
import type { NodeState } from '../../../shared/node.ts'
import { decideChange, type Draft, nodeNamed } from './draft.ts'
import { surveyOf } from './survey.ts'

/** Judges every node. May be asked again in the same plan. */
export function judgeNodes(draft: Draft): void {
  for (const node of surveyOf(draft).restless) {
    const { name } = node
    const changesBefore = draft.changes.length
    if (node.state === 'fence' && node.revocations.length === 0)
      setNodeState(draft, name, 'unknown', 'none of its services can still be running')
    if (node.state === 'gone') setNodeState(draft, name, 'unknown', 'it is a member again')
    judgeNode(draft, draft.changes.length === changesBefore ? node : nodeNamed(draft, name)!)
  }
}

function judgeNode(draft: Draft, node: NodeView): void {
  const { name } = node
  if (node.state === 'fence') return
  if (!isRenewing(draft, node)) {
    // It said itself that it is being emptied, and is no less so now that it is off. What it still holds is fenced.
    if (node.state === 'maintenance' && node.lease.mode === 'maintenance') return
    return setNodeState(draft, name, 'unknown', silence(draft, node))
  }
  if (isToBeEmptied(draft.view, node)) {
    const why = node.maintenanceRequested
      ? 'maintenance was requested'
      : drillOf(draft.view, name)
        ? 'its watchdog is to be drilled'
        : 'it is about to shut down'
    return setNodeState(draft, name, 'maintenance', `${why}, and it renews`)
  }
  if (node.state === 'online') return // most are, and nothing is to be looked up for them
  const why = node.state === 'maintenance' ? 'maintenance is over' : 'it renews its lease'
  setNodeState(draft, name, 'online', why)
}

/** An operator, a drill or its own agent wants it empty. */
export function isToBeEmptied(view: Pick<ClusterView, 'clusterCommands'>, node: NodeView): boolean {
  return isToBeEmpty(view, node) || node.lease.mode === 'maintenance'
}

/** The node renews: the last renewal of the epoch it has now is recent, and its deadline has not passed. */
export function isRenewing(draft: Draft, node: NodeView): boolean {
  return renewing.isRenewing(draft.view, node)
}

/** The node renews and was judged so: it may be asked to do things. */
export function isOperational(draft: Draft, name: NodeName | null): boolean {
  const node = nodeNamed(draft, name)
  return node !== undefined && renewing.isAnswering(draft.view, node)
}

/** It may be back soon: its lease is not over by the clock, or it is asking for a new one just now. */
export function mayBeBack(draft: Draft, node: NodeView | undefined): boolean {
  if (node === undefined) return false
  const { silentMs } = draft.view.settings.timing
  const { epochRequest } = node
  const asks = epochRequest !== null && draft.nowMs - epochRequest.requestedMs < silentMs
  return asks || hasCurrentLease(node, draft.nowMs)
}

export function setNodeState(draft: Draft, name: NodeName, to: NodeState, why: string): void {
  const from = draft.view.nodes[name]!.state
  if (from !== to) decideChange(draft, { kind: 'node.state', node: name, from, to, why })
}

function silence(draft: Draft, { lease }: NodeView): string {
  if (lease.bootId === null) return 'it has no lease'
  if (lease.renewedMs === null) return 'it has not renewed its new lease yet'
  const silentMs = draft.nowMs - lease.renewedMs
  if (silentMs < 0) return 'its last renewal was before the clock stepped back'
  return `it has not renewed for ${Math.floor(silentMs / 1000)} s`
}
