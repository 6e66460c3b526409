// A rule as the recordings write it, and as we do.
import { z } from 'zod'
import type { Rule } from '../../shared/rule.ts'

export const RecordedRule = z.object({
  id: z.string(),
  type: z.enum(['node-affinity', 'resource-affinity']),
  resources: z.array(z.string()),
  nodes: z.array(z.object({ node: z.string(), priority: z.number() })).optional(),
  strict: z.boolean().optional(),
  affinity: z.enum(['positive', 'negative']).optional(),
  disable: z.boolean().optional(),
  derived: z.string().optional(),
})
export type RecordedRule = z.infer<typeof RecordedRule>

export function toRule(recorded: RecordedRule): Rule {
  const { id, type, nodes = [], strict = false, affinity = 'positive' } = recorded
  // The reference has them as a set, whatever was written.
  const resources = [...new Set(recorded.resources)]
  const common = { id, resources, disabled: recorded.disable === true, comment: '' }
  if (type === 'resource-affinity') return { ...common, type, affinity }
  const priorities = Object.fromEntries(nodes.map(({ node, priority }) => [node, priority]))
  return { ...common, type, nodes: priorities, strict }
}

/** What a recording of the kept rules shows of one. */
export function toRecorded(rule: Rule & { derived?: string | null }): RecordedRule {
  const common = { id: rule.id, type: rule.type, resources: [...rule.resources].sort() }
  if (rule.type === 'node-affinity') {
    const nodes = Object.entries(rule.nodes).map(([node, priority]) => ({ node, priority }))
    return {
      ...common,
      nodes: nodes.sort((a, b) => (a.node < b.node ? -1 : 1)),
      strict: rule.strict,
    }
  }
  const { affinity, derived } = rule
  return { ...common, affinity, ...(derived && { derived }) }
}
