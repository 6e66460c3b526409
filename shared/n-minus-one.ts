// The operator wire of the standing N−1 table: what would run nowhere if any one node died now.
import { z } from 'zod'

export const NMinusOne = z.object({
  /** How many services run that are to run. */
  services: z.number().int().min(0),
  /** Of these, those without a second place; by the node they are on and by reason. Empty: any node may die. */
  unprotected: z.array(
    z.object({ node: z.string(), why: z.string(), services: z.array(z.string()).min(1) }),
  ),
})
export type NMinusOne = z.infer<typeof NMinusOne>
