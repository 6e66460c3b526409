// Which nodes answer: they renew their lease, and may be asked to do things. Reads only.
import { hasCurrentLease } from './grants.ts'
import type { ClusterView, NodeView } from './view.ts'

/**
 * The last renewal of the epoch it has now is recent, and its deadline has not passed. One of the future was committed
 * before the clock stepped back, and says nothing of now: a dead node is not to look alive for as long as the step was.
 */
export function isRenewing(view: ClusterView, node: NodeView): boolean {
  const { renewedMs } = node.lease
  return (
    renewedMs !== null &&
    Math.abs(view.nowMs - renewedMs) < view.settings.timing.silentMs &&
    hasCurrentLease(node, view.nowMs)
  )
}

/** It renews and was judged so. A node that fell silent in maintenance stays in that state, and does not answer. */
export function isAnswering(view: ClusterView, node: NodeView): boolean {
  return (node.state === 'online' || node.state === 'maintenance') && isRenewing(view, node)
}
