// Which row a plan means by a node's name: the member that its view knows. A name can be given away, a uid never is.
import type { ClusterView } from '../cluster/view.ts'
import { StalePlan } from './stale-plan.ts'

/** @throws StalePlan where it is no member */
export function uidOf(view: ClusterView, node: string): string {
  const uid = view.nodes[node]?.uid
  if (!uid) throw new StalePlan(`node ${node} is no member`)
  return uid
}
