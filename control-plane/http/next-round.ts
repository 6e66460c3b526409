// What the CRM would do next, for dry runs: its own decision on a view that is never saved.
import type { Plan } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'

const nothing: Plan = {
  changes: [],
  serviceNotes: {},
  nodeNotes: {},
  challengeNotes: {},
  jobs: [],
  nextRoundMs: null,
}

/** One round on a copy of the cluster. */
export function nextRound(_view: ClusterView): Plan {
  return nothing
}
