// Which nodes answer: they renew their lease, and may be asked to do things. Reads only.
import { hasCurrentLease } from './grants.ts'
import type { ClusterView, NodeView } from './view.ts'

type Judged = Pick<ClusterView, 'nowMs' | 'settings'>

/**
 * The last renewal of the epoch it has now is recent, and its deadline has not passed. One of the future was committed
 * before the clock stepped back, and says nothing of now: a dead node is not to look alive for as long as the step was.
 */
export function isRenewing(view: Judged, node: NodeView): boolean {
  const { renewedMs, reportedMs } = node.lease
  if (renewedMs === null || !hasCurrentLease(node, view.nowMs)) return false
  // No renewal is later than its report; but a what-if shows leases as renewed ahead, by nodes that it has report now.
  const heardMs = Math.min(renewedMs, reportedMs ?? renewedMs)
  return Math.abs(view.nowMs - heardMs) < view.settings.timing.silentMs
}

/** It renews and was judged so. A node that fell silent in maintenance stays in that state, and does not answer. */
export function isAnswering(view: Judged, node: NodeView): boolean {
  return (node.state === 'online' || node.state === 'maintenance') && isRenewing(view, node)
}
