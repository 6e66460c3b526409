// Who reports, and whether that is more than half (design: quorum policy `majority`). Pure.
import type { ClusterView } from '../cluster/view.ts'

/** How many nodes of the roster were heard within `silentMs`. */
export function reporting(view: Pick<ClusterView, 'nodes' | 'nowMs'>, silentMs: number): number {
  return Object.values(view.nodes).filter(
    (node) => node.lease.reportedMs !== null && view.nowMs - node.lease.reportedMs <= silentMs,
  ).length
}

/** Would more than half report? A roster of nobody loses nothing. */
function wouldBeQuorate(view: Pick<ClusterView, 'nodes' | 'nowMs'>, silentMs: number): boolean {
  const nodes = Object.keys(view.nodes).length
  return nodes === 0 || reporting(view, silentMs) * 2 > nodes
}

type Before = Pick<ClusterView, 'nodes' | 'nowMs' | 'settings'>

/** Is the cluster quorate now, and would it not be after the change? Who is not quorate has nothing to lose. */
export function losesQuorum(now: Before, then: Before): boolean {
  return isQuorate(now) && !isQuorate(then)
}

function isQuorate({ settings, ...roster }: Before): boolean {
  return settings.quorum !== 'majority' || wouldBeQuorate(roster, settings.timing.silentMs)
}
