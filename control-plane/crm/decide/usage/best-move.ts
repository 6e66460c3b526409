// Which single move balances the cluster best? Every bundle to every node it may go to is looked at, in one of two ways:
// by the imbalance it leads to, or by TOPSIS (reference 2.15.5). Proposes; whether it is worth it is asked elsewhere.
import type { NodeName, Sid } from '../../../cluster/view.ts'
import { nodeLoads } from './imbalance.ts'
import type { Loads } from './loads.ts'
import type { Movable } from './movable.ts'
import { imbalanceAfter, mostEvenMove } from './most-even-move.ts'
import { nearestMove } from './nearest-move.ts'

export type Move = { leader: Sid; from: NodeName; to: NodeName; imbalance: number }

/** The best move of those that are possible; null if none is. `movables` come in the order of their leaders. */
export function bestMove(
  loads: Loads,
  movables: readonly Movable[],
  method: 'bruteforce' | 'topsis',
): Move | null {
  const found = method === 'topsis' ? nearestMove(loads, movables) : mostEvenMove(loads, movables)
  if (found === null) return null
  const { leader, from } = found.movable
  const name = (place: number) => loads.names[place]!
  const imbalance = imbalanceAfter(loads, nodeLoads(loads), found.movable, found.to)
  return { leader, from: name(from), to: name(found.to), imbalance }
}
