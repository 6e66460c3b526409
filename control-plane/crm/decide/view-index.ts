// Lookups over the view as it was read, made once per decision so that no question costs a pass over all services.
import { currentReport } from '../../cluster/grants.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'
import type { OrderResult } from '../../../shared/protocol.ts'

export type ViewIndex = {
  /** Services located on a node, moving to it, or held by it. What a plan does since is to be looked up in its view. */
  sidsByNode: Map<NodeName, Set<Sid>>
  /** What agents answered, by the uid of the order. */
  results: Map<string, { node: NodeName; result: OrderResult }>
  /** Which nodes say, under the lease they have now, that they run a service, and as which generation. */
  runningAt: Map<Sid, { node: NodeName; generation: number }[]>
}

/** Indexes `view`. */
export function indexView(view: ClusterView): ViewIndex {
  const sidsByNode: ViewIndex['sidsByNode'] = new Map()
  const results: ViewIndex['results'] = new Map()
  const runningAt: ViewIndex['runningAt'] = new Map()
  const add = (node: NodeName, sid: Sid) => {
    const sids = sidsByNode.get(node)
    if (sids) sids.add(sid)
    else sidsByNode.set(node, new Set([sid]))
  }
  for (const sid in view.services) {
    const { status, grant } = view.services[sid]!
    if (status?.node) add(status.node, sid)
    if (status?.target) add(status.target, sid)
    if (grant)
      for (const holder of grant.holders) if (holder.node !== status?.node) add(holder.node, sid)
  }
  for (const name in view.nodes) {
    const node = view.nodes[name]!
    for (const result of node.report?.results ?? []) results.set(result.uid, { node: name, result })
    for (const { sid, generation } of currentReport(node)?.running ?? []) {
      const places = runningAt.get(sid)
      if (places) places.push({ node: name, generation })
      else runningAt.set(sid, [{ node: name, generation }])
    }
  }
  return { sidsByNode, results, runningAt }
}
