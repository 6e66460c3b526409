// Which nodes could ever run a service: the driver, strict rules and restricted groups decide, not who is up just now.
// Pure. The door refuses what would leave a service without any node (D14); the CRM chooses among those that are up.
import { type CompiledRules, compileRules } from '../cluster/rules/compile.ts'
import type { Ruled } from '../cluster/rules/group-rules.ts'
import { ruleTitle } from '../cluster/rules/reasons.ts'
import type { ClusterView, GroupView, NodeName, Sid } from '../cluster/view.ts'
import { serviceType } from '../../shared/names.ts'
import { type Refusal, refuse } from './refusal.ts'

type Roster = Ruled & Pick<ClusterView, 'nodes'>

/** Nodes of the roster on which `sid` may run, were they all up. */
function possibleNodes(view: Roster, rules: CompiledRules, sid: Sid): NodeName[] {
  const type = serviceType(sid)
  const affinity = rules.nodeAffinity.get(sid)
  return Object.values(view.nodes)
    .filter((node) => node.drivers.includes(type))
    .filter((node) => affinity === undefined || affinity.priorities.has(node.name))
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

/** Refuses what leaves a service without any possible node that has one now, or is new. */
export function refuseStranded(before: Roster, after: Roster): Refusal | null {
  // A cluster that nobody joined yet strands everything; that is no fault of this write.
  if (Object.keys(after.nodes).length === 0) return null
  const rules = compileRules(after)
  const stranded = strandedBy(after, rules)
  if (stranded.length === 0) return null
  const known = new Set(strandedBy(before, compileRules(before)))
  const [sid] = stranded.filter((one) => !known.has(one))
  if (sid === undefined) return null
  const { rule, priorities } = rules.nodeAffinity.get(sid)!
  const named = [...priorities.keys()].join(', ')
  return refuse(
    'no-possible-node',
    `service ${sid} could then run nowhere: ${ruleTitle(rule)} leaves it only ${named}, none of which can run it`,
  )
}

/** Services under a strict rule or restricted group that have no node in the roster; what is ignored needs none. */
function strandedBy(view: Roster, rules: CompiledRules): Sid[] {
  const sids: Sid[] = []
  for (const [sid, affinity] of rules.nodeAffinity) {
    const config = view.services[sid]?.config ?? null
    if (!affinity.strict || config === null || config.requested === 'ignored') continue
    if (possibleNodes(view, rules, sid).length === 0) sids.push(sid)
  }
  return sids
}
