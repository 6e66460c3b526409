// What automatic rebalancing may move, and whereto. Data, and one way through all of it.
import type { Sid } from '../../../cluster/view.ts'
import type { Amount } from '../../../cluster/figures.ts'

/** Services that move together or not at all. */
export type Movable = {
  leader: Sid
  /** Places of nodes, as in the loads: where it is, and where it may go; ascending, maybe with the one where it is. */
  from: number
  targets: ArrayLike<number>
  /** What all of them use. */
  usage: Amount
}

export type Found = { movable: Movable; to: number }

/** Calls `look` with every move there is, in order. */
export function everyMove(
  movables: readonly Movable[],
  look: (movable: Movable, to: number) => void,
): void {
  for (const movable of movables) {
    const { from, targets } = movable
    for (let i = 0; i < targets.length; i++) {
      const to = targets[i]!
      if (to !== from) look(movable, to)
    }
  }
}
