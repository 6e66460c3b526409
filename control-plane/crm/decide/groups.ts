// On which nodes may a service run, and which of them are best? A group names nodes with priorities; the highest
// class with an available member counts. Any other node is the last resort, unless the group is `restricted` (D3).
import { hasCurrentLease } from '../../cluster/grants.ts'
import type { GroupView, NodeName, NodeView, Sid } from '../../cluster/view.ts'
import { type ServiceType, serviceType } from '../../../shared/names.ts'
import type { Draft } from './draft.ts'

export type Preferred = {
  /** The available members of the best class; in the order of names. */
  best: ReadonlySet<NodeName>
  /** Every available node on which it may run. */
  allowed: ReadonlySet<NodeName>
  /** Only members count, and none is available (D1). */
  restrictedOut: boolean
  /** Why each other node is out, for notes. */
  refused: string
}

/** The nodes for `sid`. Remembered per group and driver: thousands of services share few answers. */
export function preferredNodes(draft: Draft, sid: Sid): Preferred {
  const type = serviceType(sid)
  const groupName = draft.view.services[sid]!.config?.group ?? null
  const key = `${type} ${groupName ?? ''}`
  const known = draft.preferred.get(key)
  if (known) return known
  const group = groupName === null ? null : (draft.view.groups[groupName] ?? null)
  const preferred = findPreferred(draft, type, group)
  draft.preferred.set(key, preferred)
  return preferred
}

function findPreferred(draft: Draft, type: ServiceType, group: GroupView | null): Preferred {
  const allowed = new Set<NodeName>()
  const refused: string[] = []
  let best = new Set<NodeName>()
  let bestPriority = Number.NEGATIVE_INFINITY
  for (const name of draft.nodeNames) {
    const priority = priorityIn(group, name)
    const refusal =
      priority === null
        ? `not in group ${group!.name}`
        : whyNotUsable(draft.view.nodes[name]!, type, draft.nowMs)
    if (priority === null || refusal !== null) {
      refused.push(`${name}: ${refusal}`)
      continue
    }
    allowed.add(name)
    if (priority > bestPriority) {
      best = new Set()
      bestPriority = priority
    }
    if (priority === bestPriority) best.add(name)
  }
  const restrictedOut = group !== null && group.restricted && best.size === 0
  return { best, allowed, restrictedOut, refused: refused.join(', ') }
}

/** null: the group forbids the node. Outsiders of an unrestricted group rank below every member. */
export function priorityIn(group: GroupView | null, node: NodeName): number | null {
  if (group === null) return 0
  return group.nodes[node] ?? (group.restricted ? null : -1)
}

/** Why nothing of this type may be started on `node`, or null. */
export function whyNotUsable(node: NodeView, type: ServiceType, nowMs: number): string | null {
  if (node.state !== 'online') return `it is ${node.state}`
  if (node.lease.mode !== 'active') return `its agent is in mode ${node.lease.mode}`
  if (!hasCurrentLease(node, nowMs)) return 'it has no lease'
  if (!node.drivers.includes(type)) return `it has no driver for ${type}`
  if (node.watchdog.class === 'none') return 'it has no watchdog'
  return null
}
