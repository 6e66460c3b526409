// What the CRM would do next, for dry runs: its own decision on a view that is never saved.
import type { Plan } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'
import { decide } from '../crm/decide/decide.ts'

/** One round on a view, as the CRM itself would begin it. */
export function nextRound(view: ClusterView): Plan {
  return decide({ ...view, round: view.round + 1 })
}
