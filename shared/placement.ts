// The operator wire of a placement explained: every node, with what rules it out for a service or what it scores.
import { z } from 'zod'

/** How the CRM asks: to leave it where it is if that is as good as any, to try the next one, or for the best. */
export const placementPreferences = ['stay', 'try-next', 'best-score'] as const

export const PlacementBody = z.object({
  sid: z.string(),
  preference: z.enum(placementPreferences),
  /** Where it is, or was last. */
  current: z.string().nullable(),
  /** null: nowhere. */
  chosen: z.string().nullable(),
  /** Why there, or why nowhere. */
  why: z.string(),
  nodes: z.array(
    z.object({
      node: z.string(),
      /** null: it is a candidate. */
      ruledOut: z
        .object({ code: z.string(), rules: z.array(z.string()), text: z.string() })
        .nullable(),
      /** The lowest wins; null: nothing is weighed there. */
      score: z.number().nullable(),
    }),
  ),
})
export type PlacementBody = z.infer<typeof PlacementBody>
