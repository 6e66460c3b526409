// Why rules cannot be kept: a code for machines, the other rules of the same conflict, and a sentence for people.
// Words only; who conflicts with whom is found in feasibility.ts.
import type { Sid } from '../view.ts'

/** What is wrong, and what would be right. */
const sentences = {
  resource_in_multiple_node_affinity_rules: [
    'a service of it is in another node affinity rule too',
    'it may be in one of them only',
  ],
  fewer_than_two_resources: [
    'it names fewer than two services, so it says nothing',
    'name two or more, or remove it',
  ],
  more_resources_than_nodes: [
    'it keeps more services apart than the cluster has nodes',
    'name no more services than there are nodes',
  ],
  conflicts_with_opposite_affinity: [
    'two or more of its services are to be kept together and apart at once',
    'leave no more than one of them under both',
  ],
  resource_affinity_over_multi_priority_node_affinity: [
    'its services are in a node affinity rule with more than one priority',
    'give all nodes of that rule one priority, or take them out of it',
  ],
  multi_priority_node_affinity_with_resource_affinity: [
    'its services are in a resource affinity rule, and nodes of more than one priority are involved',
    'give all nodes of the rule one priority, or take them out of it',
  ],
  positive_affinity_over_multiple_node_affinity_rules: [
    'the services it keeps together are in more than one node affinity rule',
    'leave them in one',
  ],
  multiple_node_affinity_rules_with_positive_affinity: [
    'its services are kept together with those of another node affinity rule',
    'leave them in one',
  ],
  negative_affinity_over_too_few_nodes: [
    'the node affinity of its services leaves fewer nodes than it keeps services apart',
    'allow them more nodes, or keep fewer apart',
  ],
  too_few_nodes_for_negative_affinity: [
    'it leaves fewer nodes than services that have to be kept apart',
    'allow them more nodes, or keep fewer apart',
  ],
} as const satisfies Record<string, readonly [wrong: string, right: string]>

export type ReasonCode = keyof typeof sentences
export const reasonCodes = Object.keys(sentences) as readonly ReasonCode[]

export type RuleReason = {
  code: ReasonCode
  /** The affinity of the rules that it conflicts with, where that is the point. */
  opposite?: 'positive' | 'negative'
  /** The service in question, where it is one. */
  resource?: Sid
  /** What exactly, for people: the services in question, or how many are too many. */
  about?: string
  /** The other rules of this conflict, in the order of their ids; none: it cannot be kept by itself. */
  rules: readonly string[]
}

/** The reason as a sentence without an end, as in "rule r1: …": what is wrong, what would be right, and with whom. */
export function reasonText({ code, resource, about = resource, rules }: RuleReason): string {
  const [wrong, right] = sentences[code]
  const exactly = about === undefined ? '' : ` (${about})`
  const others = rules.length === 0 ? '' : `; see ${rules.map(ruleTitle).join(', ')}`
  return `${wrong}${exactly}: ${right}${others}`
}

/** So many names are said; of more, how many they are. */
const mostNamed = 5

/** Names for a sentence. */
export function named(names: readonly string[]): string {
  const rest = names.length - mostNamed
  const shown = names.slice(0, mostNamed).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}

/** How many there are of what, for a sentence. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** What a group's rule is called among rules; no rule of an operator may be called so. */
const groupPrefix = 'ha-group-'

/** The id of the rule that a group is among rules. */
export function groupRuleId(group: string): string {
  return `${groupPrefix}${group}`
}

/** The group whose rule this is, or null. */
export function groupOfRule(id: string): string | null {
  return id.startsWith(groupPrefix) ? id.slice(groupPrefix.length) : null
}

/** How people know a rule: a group is a group to them. */
export function ruleTitle(id: string): string {
  const group = groupOfRule(id)
  return group === null ? `rule ${id}` : `group ${group}`
}
