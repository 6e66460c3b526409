// How good each node is for one more service: the lowest score wins, then the name. Reads the draft only; which nodes
// come into question at all is place.ts.
import type { NodeName, Sid } from '../../cluster/view.ts'
import { type Draft, loads } from './draft.ts'

/** The score of every node of the roster for starting `sid` there; basic: how many services load it (reference 2.15.2). */
export function nodeScores(draft: Draft, _sid: Sid): ReadonlyMap<NodeName, number> {
  return loads(draft)
}
