// Whether a new placement keeps to what must be kept to: restricted groups and strict rules, read off the configuration
// itself and not by the code that places.
import { serviceType } from '../../shared/names.ts'
import { findInfeasible } from '../../control-plane/cluster/rules/feasibility.ts'
import { rulesOf } from '../../control-plane/cluster/rules/group-rules.ts'
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'

/** What is broken by `sid` being given to `node`, as sentences. */
export function placementFaults(view: ClusterView, sid: string, node: string): string[] {
  const faults: string[] = []
  const broken = (what: string) => faults.push(`${sid} is placed on ${node}, against ${what}`)
  const { config } = view.services[sid] ?? {}
  const group = config?.group ? view.groups[config.group] : undefined
  if (group?.restricted && !(node in group.nodes)) broken(`restricted group ${group.name}`)
  if (!view.nodes[node]?.drivers.includes(serviceType(sid))) broken('its missing driver')
  if (view.nodes[node]?.watchdog.class === 'none') broken('its missing watchdog')
  const nodesOf = ({ grant }: ServiceView) => (grant?.holders ?? []).map((holder) => holder.node)
  // Rules that contradict each other, or for which too few nodes are left, count for nothing, and status says so.
  const dropped = findInfeasible(rulesOf(view), Object.keys(view.nodes))
  for (const rule of view.rules) {
    if (rule.disabled || dropped.has(rule.id) || !rule.resources.includes(sid)) continue
    if (rule.type === 'node-affinity') {
      if (rule.strict && !(node in rule.nodes)) broken(`strict rule ${rule.id}`)
      continue
    }
    const others = rule.resources.flatMap((other) => (other === sid ? [] : [view.services[other]]))
    if (
      rule.affinity === 'negative' &&
      others.some((other) => other && nodesOf(other).includes(node))
    )
      broken(`rule ${rule.id}, which keeps it apart`)
  }
  return faults
}
