// Rules for tests: enabled, without a comment, and short to write. Data only.
import type { NodeAffinityRule, ResourceAffinityRule } from '../../shared/rule.ts'

const common = { disabled: false, comment: '' }

/** A rule that is not strict; nodes with priority 0 unless a test says otherwise. */
export function aRule(
  id: string,
  resources: string[],
  nodes: string[] | Record<string, number>,
  changes: Partial<NodeAffinityRule> = {},
): NodeAffinityRule {
  const priorities = Array.isArray(nodes)
    ? Object.fromEntries(nodes.map((node) => [node, 0]))
    : nodes
  return {
    ...common,
    id,
    type: 'node-affinity',
    resources,
    nodes: priorities,
    strict: false,
    ...changes,
  }
}

export function aStrictRule(
  id: string,
  resources: string[],
  nodes: string[] | Record<string, number>,
): NodeAffinityRule {
  return aRule(id, resources, nodes, { strict: true })
}

/** Keeps `resources` on one node. */
export function together(id: string, resources: string[]): ResourceAffinityRule {
  return { ...common, id, type: 'resource-affinity', affinity: 'positive', resources }
}

/** Keeps `resources` on different nodes. */
export function apart(id: string, resources: string[]): ResourceAffinityRule {
  return { ...common, id, type: 'resource-affinity', affinity: 'negative', resources }
}
