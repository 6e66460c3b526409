// A drill of a node's watchdog: refused here if it cannot be done, or would leave a service without a node. Pure. The CRM
// judges again when its turn comes.
import type { ClusterView, NodeName, Sid } from '../cluster/view.ts'
import { isAnswering } from '../cluster/renewing.ts'
import { refuseWhileDisarmed } from './cluster-wish.ts'
import { knownNode } from './node-wish.ts'
import { losesQuorum } from './quorum-wish.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

/** So many services are named. */
const mostNamed = 4

/**
 * May this node's watchdog be drilled?
 * @param stranded services of it that would find no other node
 */
export function refuseDrill(
  view: ClusterView,
  name: NodeName,
  stranded: (view: ClusterView, name: NodeName) => { sid: Sid; why: string }[],
): Refusal | null {
  const node = knownNode(view, name)
  if (isRefusal(node)) return node
  const disarmed = refuseWhileDisarmed(view)
  if (disarmed !== null) return disarmed
  if (!isAnswering(view, node))
    return refuse('node-not-online', `node ${name} is ${node.state}, not online`)
  const { watchdog, health } = node
  if (watchdog.class === 'none')
    return refuse(
      'cannot-drill',
      `node ${name} has no watchdog that could fire: ${watchdog.note ?? watchdog.identity}`,
    )
  if (health == null)
    return refuse(
      'cannot-drill',
      `the agent of node ${name} knows no drills, or has not said so yet: upgrade it, or ask again in a minute`,
    )
  const other = view.clusterCommands.find(({ kind }) => kind === 'drill')
  if (other)
    return refuse('drill-running', `a drill of ${other.node} is under way: one node at a time`)
  // Reset, it reports nothing for as long as it boots: whoever is left must not lose its leases over that.
  const silent = { ...node, lease: { ...node.lease, reportedMs: null } }
  if (losesQuorum(view, { ...view, nodes: { ...view.nodes, [name]: silent } }))
    return refuse(
      'would-lose-quorum',
      `while node ${name} boots, no more than half of ${Object.keys(view.nodes).length} nodes would report, and nothing would be granted to anyone`,
    )
  const [first, ...others] = stranded(view, name)
  if (first === undefined) return null
  const sids = [first, ...others].slice(0, mostNamed).map(({ sid }) => sid)
  const more = others.length >= mostNamed ? ` and ${others.length + 1 - mostNamed} more` : ''
  return refuse(
    'would-strand',
    `without node ${name} there would be no node for ${sids.join(', ')}${more} (${first.sid}: ${first.why})`,
  )
}
