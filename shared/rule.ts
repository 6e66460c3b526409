// Rules: where services prefer or have to run, and which of them keep together or apart. Their feasibility and what
// follows from them is worked out in control-plane/cluster/rules; here are only the words.
import { z } from 'zod'
import { GroupNodes } from './group.ts'
import { ConfigId, ServiceId } from './names.ts'
import { text } from './text.ts'

const resources = z
  .array(ServiceId)
  .min(1, { error: 'resources must name at least one service' })
  .max(10_000)
  .refine((sids) => new Set(sids).size === sids.length, {
    error: 'resources must name each service once',
  })

const common = {
  id: ConfigId,
  resources,
  /** A disabled rule is kept and counts for nothing. */
  disabled: z.boolean(),
  comment: text(4096),
}

/** `strict`: only these nodes. Otherwise these first, highest priority class with an available node first of all. */
export const NodeAffinityRule = z.strictObject({
  ...common,
  type: z.literal('node-affinity'),
  nodes: GroupNodes,
  strict: z.boolean(),
})
export type NodeAffinityRule = z.infer<typeof NodeAffinityRule>

/** `positive`: all on one node. `negative`: no two on one node. Always hard. */
export const ResourceAffinityRule = z.strictObject({
  ...common,
  type: z.literal('resource-affinity'),
  affinity: z.enum(['positive', 'negative']),
})
export type ResourceAffinityRule = z.infer<typeof ResourceAffinityRule>

export const Rule = z.discriminatedUnion('type', [NodeAffinityRule, ResourceAffinityRule])
export type Rule = z.infer<typeof Rule>
