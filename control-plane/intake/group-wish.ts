// What operators wish of a group (D3, D14). Pure: a view and a wish in, null or a Refusal out.
import type { ClusterView, GroupView } from '../cluster/view.ts'
import { refuseGroupWithoutNodes, refuseStranded } from './feasible.ts'
import { refuseInfeasible } from './infeasible.ts'
import { type Refusal, refuse } from './refusal.ts'

/** May this group be added? */
export function refuseGroupCreate(view: ClusterView, group: GroupView): Refusal | null {
  if (view.groups[group.name])
    return refuse('already-exists', `group ${group.name} exists already: change it instead`)
  return refuseGroupWithoutNodes(view, group)
}

/** May this group become so? `group` is the whole of it after the change. */
export function refuseGroupUpdate(view: ClusterView, group: GroupView): Refusal | null {
  if (!view.groups[group.name]) return unknownGroup(group.name)
  const after = { ...view, groups: { ...view.groups, [group.name]: group } }
  return (
    refuseInfeasible(view, after) ??
    refuseStranded(view, after) ??
    refuseGroupWithoutNodes(view, group)
  )
}

/** May this group go? Not while a service is in it. */
export function refuseGroupDelete(view: ClusterView, name: string): Refusal | null {
  if (!view.groups[name]) return unknownGroup(name)
  const users = Object.values(view.services).filter((service) => service.config?.group === name)
  if (users.length === 0) return null
  return refuse('group-in-use', `group ${name} is used by ${users.map((s) => s.sid).join(', ')}`)
}

export function unknownGroup(name: string): Refusal {
  return refuse('unknown-group', `no group ${name} in this cluster`)
}
