// The nodes of the plan at one look: which of them are calm, as most are in most rounds, so that each question about nodes
// is asked of the others only. Must never call a node calm of which any of these questions has something to say.
import { isToBeEmpty } from '../../cluster/drills.ts'
import { isRenewing } from '../../cluster/renewing.ts'
import type { NodeView } from '../../cluster/view.ts'
import { type Draft, nodesOf } from './draft.ts'

export type Survey = {
  /** All but the calm ones, as they stand in the plan; in the order of their names. */
  readonly restless: readonly NodeView[]
  /** How many were heard once: a node that is only about to join is missed by nobody. */
  readonly served: number
  /** How many of those renew. */
  readonly renewing: number
  /** When the one that renews and was heard longest ago did so; null: none renews. */
  readonly oldestRenewalMs: number | null
}

/** The nodes as they stand in the plan now. */
export function surveyOf(draft: Draft): Survey {
  const { nodesReplaced, clusterCommands } = draft.view
  const known = draft.survey
  if (known?.nodesReplaced === nodesReplaced && known.clusterCommands === clusterCommands)
    return known.survey
  const survey = lookAtAll(draft)
  draft.survey = { nodesReplaced, clusterCommands, survey }
  return survey
}

/** What a survey was made of besides the view as it was read, which stays. */
export type KnownSurvey = Pick<Draft['view'], 'nodesReplaced' | 'clusterCommands'> & {
  survey: Survey
}

function lookAtAll(draft: Draft): Survey {
  const restless: NodeView[] = []
  let [served, renewing] = [0, 0]
  let oldestRenewalMs: number | null = null
  for (const node of nodesOf(draft)) {
    const { renewedMs, reportedMs } = node.lease
    const renews = isRenewing(draft.view, node)
    if (reportedMs !== null) {
      served += 1
      if (renews) renewing += 1
    }
    if (renews && (oldestRenewalMs === null || renewedMs! < oldestRenewalMs))
      oldestRenewalMs = renewedMs
    if (!renews || !isCalm(draft, node)) restless.push(node)
  }
  return { restless, served, renewing, oldestRenewalMs }
}

/** It renews; and besides nobody wants anything of it, it asks for nothing, and there is no news of it. */
function isCalm({ view }: Draft, node: NodeView): boolean {
  const { lease, report, health } = node
  if (node.state !== 'online' || lease.mode !== 'active' || isToBeEmpty(view, node)) return false
  if (node.revocations.length > 0 || node.epochRequest !== null || node.challenge !== null)
    return false
  if (node.note !== '' || (report !== null && report.closed.length > 0)) return false
  const end = health?.lastEnd
  return !end || end.uid === node.toldEnd
}
