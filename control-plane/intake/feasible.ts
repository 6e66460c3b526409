// Which nodes could ever run a service: the driver and a restricted group decide, not who is up just now.
// Pure. The door refuses what would leave a service without any node (D14); the CRM chooses among those that are up.
import type { ClusterView, GroupView, NodeName, Sid } from '../cluster/view.ts'
import { serviceType } from '../../shared/names.ts'
import { type Refusal, refuse } from './refusal.ts'

type Groups = Record<string, GroupView>

/** Nodes of the roster on which `sid` may run, were they all up. */
export function possibleNodes(view: ClusterView, sid: Sid, group: GroupView | null): NodeName[] {
  const type = serviceType(sid)
  return Object.values(view.nodes)
    .filter((node) => node.drivers.includes(type))
    .filter((node) => !group?.restricted || node.name in group.nodes)
    .map((node) => node.name)
}

/** Refuses a restricted group none of whose members is a node of this cluster. */
export function refuseGroupWithoutNodes(view: ClusterView, group: GroupView): Refusal | null {
  if (!group.restricted) return null
  const named = Object.keys(group.nodes)
  if (named.some((node) => node in view.nodes)) return null
  return refuse(
    'no-possible-node',
    `group ${group.name} is restricted to ${named.join(', ')}, and none of them is a node of this cluster`,
  )
}

/** Refuses the first service that `groups` and `view.nodes` would leave without any possible node. */
export function refuseStranded(view: ClusterView, groups: Groups): Refusal | null {
  // A cluster that nobody joined yet strands everything; that is no fault of this write.
  if (Object.keys(view.nodes).length === 0) return null
  for (const service of Object.values(view.services)) {
    const name = service.config?.group
    const group = name ? (groups[name] ?? null) : null
    if (!group?.restricted || possibleNodes(view, service.sid, group).length > 0) continue
    return refuse(
      'no-possible-node',
      `service ${service.sid} could then run nowhere: group ${group.name} is restricted to ${Object.keys(group.nodes).join(', ')}`,
    )
  }
  return null
}
