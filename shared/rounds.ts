// The operator wire of the decision journal: which rounds are stored, what one of them decided, and its replay.
import { z } from 'zod'

const count = z.number().int().min(0)

export const RoundsBody = z.object({
  /** Newest first. */
  rounds: z.array(
    z.object({
      round: count,
      at: z.string(),
      changes: count,
      /** The first of its changes. */
      line: z.string(),
      bytes: count,
    }),
  ),
  /** Rounds between the first and the last of these that changed something and are not stored. */
  missing: count,
})
export type RoundsBody = z.infer<typeof RoundsBody>

/** What the round was given, and what it decided; both as the CRM had them. */
export const RoundBody = z.object({
  round: count,
  at: z.string(),
  lines: z.array(z.string()),
  view: z.record(z.string(), z.unknown()),
  plan: z.record(z.string(), z.unknown()),
})
export type RoundBody = z.infer<typeof RoundBody>

export const ReplayBody = z.object({
  round: count,
  same: z.boolean(),
  /** How many changes were decided then, and are decided now. */
  changesThen: count,
  changesNow: count,
  /** `- ` decided then only, `+ ` decided now only, `! ` about the whole. */
  difference: z.array(z.string()),
})
export type ReplayBody = z.infer<typeof ReplayBody>
