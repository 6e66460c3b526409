// How good each online node is for a service that is to be started there: the lowest score wins, ties go by name.
// `basic` counts services; `static` and `dynamic` weigh CPUs and memory. The arithmetic is in usage/ (reference 2.15).
import type { Sid } from '../../cluster/view.ts'
import { ungranted } from './claimants.ts'
import { type Draft, nodesOf, withTouched } from './draft.ts'
import type { Scores } from './select.ts'
import { demandOf } from '../../cluster/figures.ts'
import { type Loads, startLoads, whyNotWeighed } from './usage/loads.ts'
import { startScores } from './usage/start-scores.ts'

/** How loaded the online nodes are now. */
export function loadsOf(draft: Draft): Loads {
  if (draft.loads === null) {
    const online = nodesOf(draft).filter(({ state }) => state === 'online')
    draft.loads = startLoads(draft.view, online, draft.index.census, () => unmeasured(draft))
  }
  return draft.loads
}

/** Services that may be no part of what their nodes were measured to use: not running yet, or no more. */
function unmeasured(draft: Draft): Sid[] {
  return withTouched(draft, [...draft.index.census.lists.unmeasured, ...ungranted(draft)])
}

/** The scores of all online nodes for `sid`, as the cluster stands in the plan. */
export function nodeScores(draft: Draft, sid: Sid): Scores {
  const loads = loadsOf(draft)
  const scores =
    loads.mode === 'basic'
      ? loads.services
      : startScores(loads, demandOf(draft.view.services.get(sid)!))
  const { placeOf } = loads
  return {
    get(node) {
      const place = placeOf.get(node)
      return place === undefined ? undefined : scores[place]
    },
  }
}

/** Says of which online nodes the figures are missing, so that all of them are weighed by counting for now. */
export function noteMissingFigures(draft: Draft): void {
  const { mode } = draft.view.settings.scheduling
  if (mode === 'basic') return
  for (const node of nodesOf(draft)) {
    const missing = node.state === 'online' ? whyNotWeighed(node, mode) : null
    if (missing === null || draft.nodeNotes.has(node.name)) continue
    draft.nodeNotes.set(
      node.name,
      `it is not known ${missing}: nodes are weighed by counting services`,
    )
  }
}
