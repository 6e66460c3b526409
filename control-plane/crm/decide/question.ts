// What is to be weighed when a service is placed: classes of nodes, partners, what it remembers, scores. Gathers only.
import { failsBack } from '../../cluster/rules/group-rules.ts'
import type { Sid } from '../../cluster/view.ts'
import type { Draft } from './draft.ts'
import { nodeClasses } from './node-classes.ts'
import { partnersApart, partnersTogether } from './partners.ts'
import { nodeScores } from './scores.ts'
import type { Preference, Question, Scores } from './select.ts'

/** What is to be weighed for `sid`, as things stand in the plan. */
export function questionFor(draft: Draft, sid: Sid, preference: Preference): Question {
  const service = draft.view.services.get(sid)!
  const { allowed, best, bestInOrder } = nodeClasses(draft, sid)
  let scores: Scores | null = null
  return {
    preference,
    current: service.status?.node ?? null,
    failsBack: failsBack(draft.view, service),
    fallback: service.status?.fallbackNode ?? null,
    tried: service.status?.failedNodes ?? [],
    allowed,
    preferred: best,
    preferredInOrder: bestInOrder,
    together: partnersTogether(draft, sid),
    apart: partnersApart(draft, sid),
    scores: () => (scores ??= nodeScores(draft, sid)),
  }
}
