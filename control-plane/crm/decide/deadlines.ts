// When must the CRM look again, apart from what single questions asked for: when a node that renews would turn silent.
import { type Draft, lookAgainAt } from './draft.ts'
import { surveyOf } from './survey.ts'

/** Adds the moment at which the first of the nodes becomes silent. */
export function lookAtDeadlines(draft: Draft): void {
  const { oldestRenewalMs } = surveyOf(draft)
  if (oldestRenewalMs !== null)
    lookAgainAt(draft, oldestRenewalMs + draft.view.settings.timing.silentMs)
}
