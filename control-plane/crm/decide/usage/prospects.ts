// How much each bundle could even the load at best, wherever it went: a bound, worked out without looking at every node.
// Most bundles of a large cluster are ruled out by it, so that only the promising ones are looked at node by node.
import { nodeLoads } from './imbalance.ts'
import type { Loads } from './loads.ts'
import type { Movable } from './movable.ts'

/** Machines of about the same size: what a service adds to their loads differs by no more than that. */
type SizeClass = {
  leastLoad: number
  leastCpu: number
  mostCpu: number
  leastMemory: number
  mostMemory: number
}

/** Sizes that round to the same power of this are one class. */
const ratio = 1.05

/** For each movable the imbalance that none of its moves can get below. */
export function prospects(loads: Loads, movables: readonly Movable[]): Float64Array {
  const before = nodeLoads(loads)
  const count = before.length
  const mean = before.reduce((sum, load) => sum + load, 0) / count
  const squares = before.reduce((sum, load) => sum + (load - mean) * (load - mean), 0)
  const classes = sizeClasses(loads, before)
  const bounds = new Float64Array(movables.length)
  for (let i = 0; i < movables.length; i++) {
    const { from, usage } = movables[i]!
    const old = before[from]!
    const left = leftOn(loads, from, usage.cpu, usage.memory)
    const rest = squares - (old - mean) * (old - mean) + (left - mean) * (left - mean)
    let least = Number.POSITIVE_INFINITY
    for (const one of classes) {
      // What it adds to a load there lies between these two.
      const low = (usage.cpu / one.mostCpu + usage.memory / one.mostMemory) / 2
      const high = (usage.cpu / one.leastCpu + usage.memory / one.leastMemory) / 2
      // (load + added − mean)² − (load − mean)², least for the least loaded node, and for what fills it up to the mean.
      const away = one.leastLoad - mean
      const added = Math.min(high, Math.max(low, -away))
      const shift = Math.max(Math.abs(left - old + low), Math.abs(left - old + high)) / count
      const variance = (rest + added * (2 * away + added)) / count - shift * shift
      const highestMean = mean + (left - old + high) / count
      if (highestMean <= 0) least = 0
      else least = Math.min(least, Math.sqrt(Math.max(0, variance)) / highestMean)
    }
    bounds[i] = least
  }
  return bounds
}

function leftOn(loads: Loads, place: number, cpu: number, memory: number): number {
  const restCpu = Math.max(0, loads.cpu[place]! - cpu) / loads.mostCpu[place]!
  return (restCpu + Math.max(0, loads.memory[place]! - memory) / loads.mostMemory[place]!) / 2
}

function sizeClasses({ mostCpu, mostMemory }: Loads, before: Float64Array): SizeClass[] {
  const classes = new Map<string, SizeClass>()
  const power = (size: number) => Math.round(Math.log(size) / Math.log(ratio))
  before.forEach((load, place) => {
    const [cpu, memory] = [mostCpu[place]!, mostMemory[place]!]
    const key = `${power(cpu)} ${power(memory)}`
    const known = classes.get(key)
    if (!known) {
      classes.set(key, {
        leastLoad: load,
        ...{ leastCpu: cpu, mostCpu: cpu, leastMemory: memory, mostMemory: memory },
      })
      return
    }
    known.leastLoad = Math.min(known.leastLoad, load)
    known.leastCpu = Math.min(known.leastCpu, cpu)
    known.mostCpu = Math.max(known.mostCpu, cpu)
    known.leastMemory = Math.min(known.leastMemory, memory)
    known.mostMemory = Math.max(known.mostMemory, memory)
  })
  return [...classes.values()]
}
