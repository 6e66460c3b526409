// The operator wire of an exported scenario: a round, or the cluster as it is, under other names.
import { z } from 'zod'

export const ScenarioBody = z.object({
  round: z.number().int().min(0),
  /** Nodes, settings, groups, rules and services, one to a line; what was otherwise and decided as comments. */
  scenario: z.string(),
  /** The whole view under the same names, where it was asked for. */
  view: z.record(z.string(), z.unknown()).nullable(),
})
export type ScenarioBody = z.infer<typeof ScenarioBody>
