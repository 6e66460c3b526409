// The move that leads to the least imbalance. Bundles that cannot lead to it wherever they go are left out; a first look
// at each move of the others costs the same few steps, however many nodes there are; those that come out best are then
// worked out by the definition, and compared as the reference compares them.
import { everyMove, type Found, type Movable } from './movable.ts'
import { imbalanceOf, loadWith, nodeLoads, truncated } from './imbalance.ts'
import type { Loads } from './loads.ts'
import { prospects } from './prospects.ts'

/** How far a first look may be off, with room; and how many that look equally good are worked out. */
const blur = 1e-9
const mostWorkedOut = 2_000
/** Outcomes that differ by less are equally good: in which order loads were summed up must not choose. */
const rounding = 1e-12

/** Of equally good ones the first: by leader, then by target. */
export function mostEvenMove(loads: Loads, all: readonly Movable[]): Found | null {
  const bounds = prospects(loads, all)
  const before = nodeLoads(loads)
  const look = firstLook(loads, before)
  let least = Number.POSITIVE_INFINITY
  const lookAt = (movable: Movable) =>
    everyMove([movable], (_, to) => {
      least = Math.min(least, look(movable, to))
    })
  // The most promising bundle first: what it comes to rules out most of the others.
  if (all.length > 0) lookAt(all[mostPromising(bounds)]!)
  const promising = all.filter((movable, index) => {
    if (bounds[index]! > least + blur) return false
    lookAt(movable)
    return true
  })
  let best: Found | null = null
  let bestImbalance = Number.POSITIVE_INFINITY
  let workedOut = 0
  everyMove(promising, (movable, to) => {
    if (workedOut >= mostWorkedOut || look(movable, to) > least + blur) return
    workedOut += 1
    const imbalance = imbalanceAfter(loads, before, movable, to)
    if (imbalance >= bestImbalance - rounding) return
    best = { movable, to }
    bestImbalance = imbalance
  })
  return best
}

function mostPromising(bounds: Float64Array): number {
  let best = 0
  for (let index = 1; index < bounds.length; index++)
    if (bounds[index]! < bounds[best]!) best = index
  return best
}

/** The imbalance after a move, by its definition. `before`: the loads of all nodes. */
export function imbalanceAfter(
  loads: Loads,
  before: Float64Array,
  movable: Movable,
  to: number,
): number {
  const after = Float64Array.from(before)
  after[movable.from] = loadWithout(loads, movable)
  after[to] = loadWithAlso(loads, movable, to)
  return truncated(imbalanceOf(after))
}

/** Never less than nothing: what was measured for the services may be more than their node's share. */
function loadWithout(loads: Loads, { from, usage }: Movable): number {
  const cpu = Math.max(0, loads.cpu[from]! - usage.cpu)
  return loadWith(loads, from, cpu, Math.max(0, loads.memory[from]! - usage.memory))
}

function loadWithAlso(loads: Loads, { usage }: Movable, to: number): number {
  return loadWith(loads, to, loads.cpu[to]! + usage.cpu, loads.memory[to]! + usage.memory)
}

/** The same from sums over the cluster as it is; about its mean, so that little is lost to rounding. */
function firstLook(loads: Loads, before: Float64Array): (movable: Movable, to: number) => number {
  const count = before.length
  const mean = before.reduce((sum, load) => sum + load, 0) / count
  const squareOf = (load: number) => (load - mean) * (load - mean)
  const squares = before.reduce((sum, load) => sum + squareOf(load), 0)
  return (movable, to) => {
    const oldFrom = before[movable.from]!
    const oldTo = before[to]!
    const newFrom = loadWithout(loads, movable)
    const newTo = loadWithAlso(loads, movable, to)
    const shift = (newFrom - oldFrom + newTo - oldTo) / count
    if (mean + shift <= 0) return 0
    const left = squares - squareOf(oldFrom) - squareOf(oldTo)
    const variance = (left + squareOf(newFrom) + squareOf(newTo)) / count - shift * shift
    return Math.sqrt(Math.max(0, variance)) / (mean + shift)
  }
}
