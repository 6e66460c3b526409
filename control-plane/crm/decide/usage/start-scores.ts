// Where would a service be started best? Each online node is an alternative: the cluster as it would be with the service
// there. Four costs of it, ranked by TOPSIS (reference 2.15.4). In closed form: one alternative differs from the cluster
// as it is in one node only, so each costs the same few steps, however many nodes there are.
import type { Amount } from '../../../cluster/figures.ts'
import type { Loads } from './loads.ts'
import { closeness, enter, measureOf, newField } from './topsis.ts'

/** For each of the nodes, how good a start there would be: from 0 to −1, lowest best. */
export function startScores(loads: Loads, demand: Amount): Float64Array {
  const count = loads.names.length
  const costs = new Float64Array(4 * count)
  const total = totals(loads)
  const field = newField()
  for (let place = 0; place < count; place++) {
    costWith(loads, total, place, demand, costs)
    enter(field, costs, 4 * place)
  }
  const measure = measureOf(field)
  const scores = new Float64Array(count)
  // `0 -` and not a minus sign: a score must never be the negative zero.
  for (let place = 0; place < count; place++)
    scores[place] = 0 - closeness(measure, costs, 4 * place)
  return scores
}

type Totals = { cpuSquares: number; memorySquares: number; mostCpu: number; mostMemory: number }

function totals({ names, cpu, memory, mostCpu, mostMemory }: Loads): Totals {
  const total = { cpuSquares: 0, memorySquares: 0, mostCpu: 0, mostMemory: 0 }
  for (let place = 0; place < names.length; place++) {
    const cpuLoad = cpu[place]! / mostCpu[place]!
    const memoryLoad = memory[place]! / mostMemory[place]!
    total.cpuSquares += cpuLoad * cpuLoad
    total.memorySquares += memoryLoad * memoryLoad
    if (cpuLoad > total.mostCpu) total.mostCpu = cpuLoad
    if (memoryLoad > total.mostMemory) total.mostMemory = memoryLoad
  }
  return total
}

/** The four costs of the cluster with `demand` added to the node at `place`, written to its part of `costs`. */
function costWith(
  { names, cpu, memory, mostCpu, mostMemory }: Loads,
  total: Totals,
  place: number,
  demand: Amount,
  costs: Float64Array,
): void {
  const most = mostCpu[place]!
  const cpuBefore = cpu[place]! / most
  const cpuAfter = (cpu[place]! + (demand.cpu === 0 ? most : demand.cpu)) / most
  const memoryBefore = memory[place]! / mostMemory[place]!
  const memoryAfter = (memory[place]! + demand.memory) / mostMemory[place]!
  const cpuSquares = total.cpuSquares + (cpuAfter * cpuAfter - cpuBefore * cpuBefore)
  const memorySquares =
    total.memorySquares + (memoryAfter * memoryAfter - memoryBefore * memoryBefore)
  const at = 4 * place
  costs[at] = 1 + Math.sqrt(cpuSquares / names.length)
  costs[at + 1] = 1 + Math.max(total.mostCpu, cpuAfter)
  costs[at + 2] = 1 + Math.sqrt(memorySquares / names.length)
  costs[at + 3] = 1 + Math.max(total.mostMemory, memoryAfter)
}
