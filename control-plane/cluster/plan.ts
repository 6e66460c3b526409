// What one round decided: changes to make, notes to show, and when to look again. Data only.
import type { Change } from './change.ts'
import type { NodeName, Sid } from './view.ts'

export type Plan = {
  /** In the order in which they are to be applied. Any prefix leaves a legal view. */
  changes: Change[]
  /** Why something waits, by service and by node; '' clears a note. Saved only where they differ. */
  serviceNotes: Record<Sid, string>
  nodeNotes: Record<NodeName, string>
  /** Why a node that asked for an epoch does not have it yet. */
  challengeNotes: Record<NodeName, string>
  jobs: PlannedJob[]
  /** Earliest moment (database clock) at which something comes due; null: only the regular round. */
  nextRoundMs: number | null
}

/** Jobs carry names, never facts; their handlers re-read. Keys make them idempotent. */
export type PlannedJob =
  /** `order`: its devices are to carry out that order; without one, the job only asks for a round then. */
  | { job: 'fence-node'; node: NodeName; epoch: number; order?: string; startAfterMs: number }
  | { job: 'relocate-service'; sid: Sid; uid: string; startAfterMs: number }
