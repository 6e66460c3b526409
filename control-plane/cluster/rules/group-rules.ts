// Groups as rules (D3): a node affinity rule `ha-group-<name>` for each group that a service is in. Reads a view only.
import { compareText } from '../grants.ts'
import type { NodeAffinityRule, Rule } from '../../../shared/rule.ts'
import type { ClusterView, NodeName, ServiceConfig, ServiceView, Sid } from '../view.ts'
import { groupRuleId } from './reasons.ts'

/** The part of a view that says which rules there are, for which nodes. */
export type Ruled = Pick<ClusterView, 'rules' | 'groups'> & {
  nodes: Record<NodeName, unknown>
  services: Record<Sid, { config: Pick<ServiceConfig, 'group' | 'requested'> | null }>
}

/** Every rule of a view, enabled or not: the operators' own, then those that groups are. */
export function rulesOf(view: Ruled): readonly Rule[] {
  const folded = groupRules(view)
  return folded.length === 0 ? view.rules : [...view.rules, ...folded]
}

function groupRules({ groups, services }: Ruled): NodeAffinityRule[] {
  if (Object.keys(groups).length === 0) return []
  const members = new Map<string, Sid[]>()
  for (const sid in services) {
    const name = services[sid]!.config?.group ?? null
    if (name === null || groups[name] === undefined) continue
    const known = members.get(name)
    if (known) known.push(sid)
    else members.set(name, [sid])
  }
  return [...members.keys()].sort(compareText).map((name) => ({
    id: groupRuleId(name),
    type: 'node-affinity',
    resources: members.get(name)!.sort(compareText),
    nodes: groups[name]!.nodes,
    strict: groups[name]!.restricted,
    disabled: false,
    comment: '',
  }))
}

/** Does this service return to better nodes? Its group can forbid it, and so can the service itself. */
export function failsBack(
  { groups }: Pick<ClusterView, 'groups'>,
  { config }: ServiceView,
): boolean {
  if (config === null || !config.failback) return false
  return config.group === null || groups[config.group]?.nofailback !== true
}
