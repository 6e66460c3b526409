// How to run an `ocf:` service, one resource agent, and an `ocf-group:` service, several in order as one.
import { z } from 'zod'

/** Of an agent that can migrate: whether its services move while they run; `commanded`: only at an operator's word. */
const live = z.union([z.boolean(), z.literal('commanded')]).default(false)

export const OcfSpec = z.strictObject({ live })
export type OcfSpec = z.infer<typeof OcfSpec>

export const OcfGroupSpec = z.strictObject({ live })
export type OcfGroupSpec = z.infer<typeof OcfGroupSpec>
