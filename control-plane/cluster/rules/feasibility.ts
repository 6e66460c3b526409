// Which rules cannot be kept, and why (reference 2.13, F1–F7). Every check looks at the whole set, and every rule that
// one of them names is out together with its partners: not the fewest possible, so the order of rules decides nothing.
import { compareText } from '../grants.ts'
import type { NodeAffinityRule, ResourceAffinityRule, Rule } from '../../../shared/rule.ts'
import type { NodeName, Sid } from '../view.ts'
import { type ConnectedSet, connectedSets } from './connected-sets.ts'
import { counted, named, type ReasonCode, type RuleReason } from './reasons.ts'

export type Infeasible = ReadonlyMap<string, readonly RuleReason[]>

/** What the checks look at: one set of enabled rules, sorted, and who is in which. */
type Sorted = {
  nodes: readonly NodeName[]
  nodeRules: readonly NodeAffinityRule[]
  resourceRules: readonly ResourceAffinityRule[]
  negative: readonly ResourceAffinityRule[]
  positiveSets: readonly ConnectedSet<ResourceAffinityRule>[]
  nodeRulesOf: ReadonlyMap<Sid, readonly NodeAffinityRule[]>
}

type Say = (id: string, reason: Omit<RuleReason, 'rules'>, conflict: readonly string[]) => void

/** In the order of the reference: node affinity, resource affinity, then one against the other. */
const checks: readonly ((sorted: Sorted, say: Say) => void)[] = [
  oneNodeRuleEach,
  atLeastTwo,
  noMoreThanNodes,
  notTogetherAndApart,
  onePriorityUnderResourceAffinity,
  oneNodeRulePerPositiveSet,
  enoughNodesToKeepApart,
]

/** The enabled ones of `rules` that cannot be kept on a cluster of `nodes`, each with its reasons. */
export function findInfeasible(rules: readonly Rule[], nodes: readonly NodeName[]): Infeasible {
  const found = new Map<string, RuleReason[]>()
  const say: Say = (id, reason, conflict) => {
    const others = [...new Set(conflict)].filter((other) => other !== id).sort(compareText)
    const reasons = found.get(id)
    if (reasons) reasons.push({ ...reason, rules: others })
    else found.set(id, [{ ...reason, rules: others }])
  }
  const sorted = sort(rules, nodes)
  for (const check of checks) check(sorted, say)
  return found
}

function sort(rules: readonly Rule[], nodes: readonly NodeName[]): Sorted {
  const enabled = rules.filter((rule) => !rule.disabled).sort((a, b) => compareText(a.id, b.id))
  const nodeRules = enabled.filter((rule) => rule.type === 'node-affinity')
  const resourceRules = enabled.filter((rule) => rule.type === 'resource-affinity')
  const nodeRulesOf = new Map<Sid, NodeAffinityRule[]>()
  for (const rule of nodeRules)
    for (const sid of rule.resources) {
      const known = nodeRulesOf.get(sid)
      if (known) known.push(rule)
      else nodeRulesOf.set(sid, [rule])
    }
  return {
    nodes,
    nodeRules,
    resourceRules,
    negative: resourceRules.filter((rule) => rule.affinity === 'negative'),
    positiveSets: connectedSets(resourceRules.filter((rule) => rule.affinity === 'positive')),
    nodeRulesOf,
  }
}

const ids = (rules: Iterable<Rule>) => Array.from(rules, (rule) => rule.id)

/** Node affinity rules that name one of `resources`, in the order of their ids. */
function nodeRulesOn({ nodeRulesOf }: Sorted, resources: readonly Sid[]): NodeAffinityRule[] {
  const touched = new Set<NodeAffinityRule>()
  for (const sid of resources) for (const rule of nodeRulesOf.get(sid) ?? []) touched.add(rule)
  return [...touched].sort((a, b) => compareText(a.id, b.id))
}

/** F1. */
function oneNodeRuleEach({ nodeRulesOf }: Sorted, say: Say): void {
  for (const resource of [...nodeRulesOf.keys()].sort(compareText)) {
    const rules = nodeRulesOf.get(resource)!
    if (rules.length < 2) continue
    for (const { id } of rules)
      say(id, { code: 'resource_in_multiple_node_affinity_rules', resource }, ids(rules))
  }
}

/** F2. */
function atLeastTwo({ resourceRules }: Sorted, say: Say): void {
  for (const { id, resources } of resourceRules)
    if (resources.length < 2) say(id, { code: 'fewer_than_two_resources' }, [])
}

/** F3. A cluster that nobody has joined yet has room for nothing; that is no fault of a rule. */
function noMoreThanNodes({ negative, nodes }: Sorted, say: Say): void {
  if (nodes.length === 0) return
  for (const { id, resources } of negative) {
    if (resources.length <= nodes.length) continue
    const about = tooFew(resources.length, nodes.length)
    say(id, { code: 'more_resources_than_nodes', about }, [])
  }
}

/** F4. */
function notTogetherAndApart({ negative, positiveSets }: Sorted, say: Say): void {
  const code = 'conflicts_with_opposite_affinity'
  const setOf = new Map<Sid, ConnectedSet<ResourceAffinityRule>>()
  for (const set of positiveSets) for (const sid of set.resources) setOf.set(sid, set)
  for (const rule of negative) {
    const shared = new Map<ConnectedSet<ResourceAffinityRule>, number>()
    for (const sid of rule.resources) {
      const set = setOf.get(sid)
      if (set) shared.set(set, (shared.get(set) ?? 0) + 1)
    }
    const conflicts = [...shared].filter(([, count]) => count > 1).map(([set]) => set)
    for (const set of conflicts.sort(byFirst)) {
      const about = named(rule.resources.filter((sid) => setOf.get(sid) === set).sort(compareText))
      say(rule.id, { code, opposite: 'positive', about }, ids(set.rules))
      for (const { id } of set.rules) say(id, { code, opposite: 'negative', about }, [rule.id])
    }
  }
}

function byFirst(a: ConnectedSet<Rule>, b: ConnectedSet<Rule>): number {
  return compareText(a.resources[0]!, b.resources[0]!)
}

/** F5: which priority class counts depends on who is online, so such rules cannot be judged beforehand. */
function onePriorityUnderResourceAffinity(sorted: Sorted, say: Say): void {
  for (const rule of sorted.resourceRules) {
    const touched = nodeRulesOn(sorted, rule.resources)
    if (!touched.some(hasClasses)) continue
    sayBoth(say, [rule], touched, named(under(sorted, rule.resources)), {
      resource: 'resource_affinity_over_multi_priority_node_affinity',
      node: 'multi_priority_node_affinity_with_resource_affinity',
    })
  }
}

function hasClasses({ nodes }: NodeAffinityRule): boolean {
  return new Set(Object.values(nodes)).size > 1
}

/** F6. */
function oneNodeRulePerPositiveSet(sorted: Sorted, say: Say): void {
  for (const { rules, resources } of sorted.positiveSets) {
    const touched = nodeRulesOn(sorted, resources)
    if (touched.length < 2) continue
    sayBoth(say, rules, touched, named(under(sorted, resources)), {
      resource: 'positive_affinity_over_multiple_node_affinity_rules',
      node: 'multiple_node_affinity_rules_with_positive_affinity',
    })
  }
}

/** F7: by the union of the rules' nodes, strict or not; nodes that are no members have room for nothing. */
function enoughNodesToKeepApart(sorted: Sorted, say: Say): void {
  const { nodes, negative, nodeRulesOf } = sorted
  if (nodes.length === 0) return
  const members = new Set(nodes)
  for (const rule of negative) {
    const touched = nodeRulesOn(sorted, rule.resources)
    const room = new Set(
      touched.flatMap((one) => Object.keys(one.nodes)).filter((node) => members.has(node)),
    )
    const located = rule.resources.filter((sid) => nodeRulesOf.has(sid)).length
    if (room.size >= located) continue
    sayBoth(say, [rule], touched, tooFew(located, room.size), {
      resource: 'negative_affinity_over_too_few_nodes',
      node: 'too_few_nodes_for_negative_affinity',
    })
  }
}

function tooFew(services: number, nodes: number): string {
  return `${counted(services, 'service')}, ${counted(nodes, 'node')}`
}

/** Those of `resources` that a node affinity rule names. */
function under({ nodeRulesOf }: Sorted, resources: readonly Sid[]): Sid[] {
  return resources.filter((sid) => nodeRulesOf.has(sid)).sort(compareText)
}

/** All of them are out, for each of the two kinds with its own code. */
function sayBoth(
  say: Say,
  resourceRules: readonly Rule[],
  nodeRules: readonly Rule[],
  about: string,
  code: { resource: ReasonCode; node: ReasonCode },
): void {
  const conflict = [...ids(resourceRules), ...ids(nodeRules)]
  for (const { id } of resourceRules) say(id, { code: code.resource, about }, conflict)
  for (const { id } of nodeRules) say(id, { code: code.node, about }, conflict)
}
