// The move whose outcome TOPSIS ranks first: each move is an alternative, the cluster as it would be after it, with the
// same four costs as in start-scores.ts. In closed form, since a move changes two nodes only.
import { everyMove, type Found, type Movable } from './movable.ts'
import type { Loads } from './loads.ts'
import { prospects } from './prospects.ts'
import { closeness, enter, measureOf, newField } from './topsis.ts'

/** Outcomes that differ by less are equally good: rounding must not choose. */
const blur = 1e-12

/**
 * So many moves are ranked against each other at most. Beyond it, in clusters of thousands of services, those of the
 * bundles that can even the load most are: a plane has leases to grant in the meantime.
 */
const mostRanked = 250_000

/** Of equally good ones the first: by leader, then by target. */
export function nearestMove(loads: Loads, all: readonly Movable[]): Found | null {
  const movables = worthRanking(loads, all)
  const costsOf = costsAfterMoves(loads)
  const field = newField()
  everyMove(movables, (movable, to) => enter(field, costsOf(movable, to)))
  const measure = measureOf(field)
  let best: Found | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  everyMove(movables, (movable, to) => {
    const score = closeness(measure, costsOf(movable, to))
    if (score <= bestScore + blur) return
    best = { movable, to }
    bestScore = score
  })
  return best
}

function worthRanking(loads: Loads, all: readonly Movable[]): readonly Movable[] {
  const moves = all.reduce((sum, { targets }) => sum + targets.length, 0)
  if (moves <= mostRanked) return all
  const bounds = prospects(loads, all)
  const order = Array.from(all.keys()).sort((a, b) => bounds[a]! - bounds[b]! || a - b)
  const kept = new Set<number>()
  let ranked = 0
  for (const index of order) {
    ranked += all[index]!.targets.length
    if (ranked > mostRanked) break
    kept.add(index)
  }
  return all.filter((_, index) => kept.has(index))
}

/** The four costs after a move; one array for all of them, to be read before the next is asked for. */
function costsAfterMoves(loads: Loads): (movable: Movable, to: number) => Float64Array {
  const { cpu, memory, mostCpu, mostMemory } = loads
  const cpus = new Column(cpu, mostCpu)
  const memories = new Column(memory, mostMemory)
  const costs = new Float64Array(4)
  return ({ from, usage }, to) => {
    cpus.move(from, to, usage.cpu)
    memories.move(from, to, usage.memory)
    costs[0] = 1 + cpus.mean
    costs[1] = 1 + cpus.highest
    costs[2] = 1 + memories.mean
    costs[3] = 1 + memories.highest
    return costs
  }
}

/** The loads of all nodes in one respect. */
class Column {
  readonly #used: Float64Array
  readonly #most: Float64Array
  readonly #loads: Float64Array
  readonly #squares: number
  /** Places of the three fullest nodes: whichever two a move changes, one of them stands. */
  readonly #fullest: number[]
  /** After the last move: the quadratic mean, and the highest load. */
  mean = 0
  highest = 0

  constructor(used: Float64Array, most: Float64Array) {
    this.#used = used
    this.#most = most
    this.#loads = used.map((one, place) => one / most[place]!)
    this.#squares = this.#loads.reduce((sum, load) => sum + load * load, 0)
    this.#fullest = threeFullest(this.#loads)
  }

  move(from: number, to: number, amount: number): void {
    const oldFrom = this.#loads[from]!
    const oldTo = this.#loads[to]!
    const newFrom = Math.max(0, this.#used[from]! - amount) / this.#most[from]!
    const newTo = (this.#used[to]! + amount) / this.#most[to]!
    const change = newFrom * newFrom - oldFrom * oldFrom + (newTo * newTo - oldTo * oldTo)
    this.mean = Math.sqrt(Math.max(0, this.#squares + change) / this.#loads.length)
    let highest = Math.max(newFrom, newTo)
    for (const place of this.#fullest) {
      if (place === from || place === to) continue
      highest = Math.max(highest, this.#loads[place]!)
      break
    }
    this.highest = highest
  }
}

function threeFullest(loads: Float64Array): number[] {
  const places = Array.from(loads.keys())
  return places.sort((a, b) => loads[b]! - loads[a]!).slice(0, 3)
}
