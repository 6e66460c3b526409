// Who reports, and whether that is more than half (design: quorum policy `majority`). Pure.
import type { ClusterView } from '../cluster/view.ts'

/** How many nodes of the roster were heard within `silentMs`. */
export function reporting(view: Pick<ClusterView, 'nodes' | 'nowMs'>, silentMs: number): number {
  return Object.values(view.nodes).filter(
    (node) => node.lease.reportedMs !== null && view.nowMs - node.lease.reportedMs <= silentMs,
  ).length
}

/** Would more than half report? A roster of nobody loses nothing. */
export function wouldBeQuorate(
  view: Pick<ClusterView, 'nodes' | 'nowMs'>,
  silentMs: number,
): boolean {
  const nodes = Object.keys(view.nodes).length
  return nodes === 0 || reporting(view, silentMs) * 2 > nodes
}
