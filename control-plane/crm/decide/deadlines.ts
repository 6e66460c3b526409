// When must the CRM look again, apart from what single questions asked for: when a node that renews would turn silent.
import { type Draft, lookAgainAt, nodesOf } from './draft.ts'
import { isRenewing } from './node-states.ts'

/** Adds the moments at which nodes become silent. */
export function lookAtDeadlines(draft: Draft): void {
  const { silentMs } = draft.view.settings.timing
  for (const node of nodesOf(draft)) {
    if (isRenewing(draft, node)) lookAgainAt(draft, node.lease.renewedMs! + silentMs)
  }
}
