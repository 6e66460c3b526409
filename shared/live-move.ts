// The words of a live move that both sides, and a node's drivers, must agree on. Data only.
import { z } from 'zod'
import { NodeName } from './names.ts'

const count = z.number().int().min(0)

/** How far a live move has come, as its driver measures it. */
export const MoveProgress = z.strictObject({
  percent: z.number().min(0).max(100),
  transferredBytes: count,
  remainingBytes: count,
})
export type MoveProgress = z.infer<typeof MoveProgress>

/** This node's half of a live move. Both halves have the same uid; each node answers for its own. */
export const MoveHalf = z.strictObject({
  role: z.enum(['source', 'target']),
  /** The node with the other half. */
  peer: NodeName,
  /** For the source: where the target listens. null: it is not ready, and nothing may begin. */
  address: z.string().max(500).nullable(),
  /** The source ends the move for good, and answers what is true of it. */
  cancel: z.boolean(),
  /**
   * Of a move in two steps: the other node has done its own. For the target: it was sent off, and may be taken up. For the
   * source that has sent it off: it runs at the target.
   */
  handed: z.literal(true).optional(),
  /** What the driver itself may take, once it has begun. */
  timeoutMs: count,
})
export type MoveHalf = z.infer<typeof MoveHalf>
