// What operators ask of the cluster as a whole, and of a node's maintenance: disarm, arm, empty this node. Pure. The CRM
// judges again when the command's turn comes.
import { isHandsOff } from '../cluster/disarm.ts'
import type { ClusterView, NodeName } from '../cluster/view.ts'
import { knownNode } from './node-wish.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

/** May the cluster be disarmed? Not twice, also not in another mode. */
export function refuseDisarm({ disarm }: ClusterView): Refusal | null {
  if (disarm === null) return null
  return refuse(
    'already-disarmed',
    `the cluster is ${disarm.state} already, in mode ${disarm.mode}: arm it first`,
  )
}

/** May it be armed? */
export function refuseArm({ disarm }: ClusterView): Refusal | null {
  return disarm === null ? refuse('not-disarmed', 'the cluster is not disarmed') : null
}

/** May this node's maintenance be asked for, or ended? It always may be ended. */
export function refuseMaintenance(
  view: ClusterView,
  name: NodeName,
  enabled: boolean,
): Refusal | null {
  const node = knownNode(view, name)
  if (isRefusal(node)) return node
  if (!enabled || node.maintenanceRequested) return null
  const disarmed = refuseWhileDisarmed(view)
  if (disarmed !== null) return disarmed
  if (node.state === 'online' || node.state === 'maintenance') return null
  return refuse('node-not-online', `node ${name} is ${node.state}, not online`)
}

/** What cannot be done in a cluster that is being disarmed, or is disarmed. */
export function refuseWhileDisarmed(view: ClusterView): Refusal | null {
  const { disarm } = view
  if (disarm === null) return null
  const byHand = isHandsOff(view) && disarm.mode === 'ignore' ? ', or do it on the node itself' : ''
  return refuse('disarmed', `the cluster is ${disarm.state}: arm it first${byHand}`)
}
