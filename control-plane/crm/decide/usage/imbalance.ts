// How unevenly the nodes are loaded: the coefficient of variation of their loads, a node's load being the mean of its
// CPU's and its memory's (reference 2.15.6; the raw value, up to √(n−1) for n nodes).
import type { Loads } from './loads.ts'

/** The load of the node at `place`, with `cpu` and `memory` in use. */
export function loadWith(loads: Loads, place: number, cpu: number, memory: number): number {
  return (cpu / loads.mostCpu[place]! + memory / loads.mostMemory[place]!) / 2
}

/** The loads of all nodes, by their places. */
export function nodeLoads(loads: Loads): Float64Array {
  return loads.cpu.map((cpu, place) => loadWith(loads, place, cpu, loads.memory[place]!))
}

/** The imbalance of these loads; 0 where there is none to balance. */
export function imbalanceOf(loads: Float64Array): number {
  let sum = 0
  for (const load of loads) sum += load
  if (sum === 0) return 0
  const mean = sum / loads.length
  let squares = 0
  for (const load of loads) squares += (load - mean) * (load - mean)
  return Math.sqrt(squares / loads.length) / mean
}

const fifteenDigits = 1e15

/** What moves are compared by: the imbalance they lead to, cut off after 15 decimal digits. */
export function truncated(imbalance: number): number {
  return Math.trunc(imbalance * fifteenDigits) / fifteenDigits
}
