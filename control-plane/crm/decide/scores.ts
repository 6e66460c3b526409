// How good each online node is for a service that is to be started there: the lowest score wins, ties go by name.
// `basic` counts services; `static` and `dynamic` weigh CPUs and memory. The arithmetic is in usage/ (reference 2.15).
import type { NodeName, Sid } from '../../cluster/view.ts'
import { type Draft, loadsOf } from './draft.ts'
import { demandOf } from './usage/figures.ts'
import { whyNotWeighed } from './usage/loads.ts'
import { startScores } from './usage/start-scores.ts'

/** The scores of all online nodes for `sid`, as the cluster stands in the plan. */
export function nodeScores(draft: Draft, sid: Sid): ReadonlyMap<NodeName, number> {
  const loads = loadsOf(draft)
  const scores =
    loads.mode === 'basic'
      ? loads.services
      : startScores(loads, demandOf(draft.view.services[sid]!))
  return new Map(loads.names.map((name, place) => [name, scores[place]!]))
}

/** Says of which online nodes the figures are missing, so that all of them are weighed by counting for now. */
export function noteMissingFigures(draft: Draft): void {
  const { mode } = draft.view.settings.scheduling
  if (mode === 'basic') return
  for (const name of draft.nodeNames) {
    const node = draft.view.nodes[name]!
    const missing = node.state === 'online' ? whyNotWeighed(node, mode) : null
    if (missing === null || draft.nodeNotes.has(name)) continue
    draft.nodeNotes.set(name, `it is not known ${missing}: nodes are weighed by counting services`)
  }
}
