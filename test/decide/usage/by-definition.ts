// The scores and the imbalance as they are defined, with nothing summed up beforehand: what the closed forms of
// crm/decide/usage must come to. Slow and plain on purpose.
import fc from 'fast-check'
import type { Amount } from '../../../control-plane/cluster/figures.ts'
import { emptyLoads, type Loads } from '../../../control-plane/crm/decide/usage/loads.ts'

export type Node = { cpu: number; memory: number; mostCpu: number; mostMemory: number }

export const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `n${String(index).padStart(3, '0')}`)

export function loadsWith(nodes: Node[], mode: Loads['mode'] = 'dynamic'): Loads {
  const loads = emptyLoads(mode, names(nodes.length))
  nodes.forEach((node, place) => {
    loads.cpu[place] = node.cpu
    loads.memory[place] = node.memory
    loads.mostCpu[place] = node.mostCpu
    loads.mostMemory[place] = node.mostMemory
  })
  return loads
}

const weights = [1, 2, 5, 10]
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)

function costs(nodes: Node[]): number[] {
  const cpu = nodes.map((node) => node.cpu / node.mostCpu)
  const memory = nodes.map((node) => node.memory / node.mostMemory)
  const mean = (loads: number[]) => 1 + Math.sqrt(sum(loads.map((x) => x * x)) / loads.length)
  return [mean(cpu), 1 + Math.max(...cpu), mean(memory), 1 + Math.max(...memory)]
}

/** Closeness of each alternative, from 0 to 1. */
export function topsis(alternatives: Node[][]): number[] {
  const rows = alternatives.map(costs)
  const column = (k: number) => rows.map((row) => row[k]!)
  const normed = rows.map((row) =>
    row.map((cost, k) => (cost / Math.hypot(...column(k))) * (weights[k]! / 18)),
  )
  const best = weights.map((_, k) => Math.min(...normed.map((row) => row[k]!)))
  const worst = weights.map((_, k) => Math.max(...normed.map((row) => row[k]!)))
  const distance = (row: number[], to: number[]) => Math.hypot(...row.map((x, k) => x - to[k]!))
  return normed.map((row) => {
    const [plus, minus] = [distance(row, best), distance(row, worst)]
    return plus + minus === 0 ? 0 : minus / (plus + minus)
  })
}

export function startOn(nodes: Node[], place: number, { cpu, memory }: Amount): Node[] {
  return nodes.map((node, at) =>
    at === place
      ? {
          ...node,
          cpu: node.cpu + (cpu === 0 ? node.mostCpu : cpu),
          memory: node.memory + memory,
        }
      : node,
  )
}

export function moveTo(nodes: Node[], from: number, to: number, usage: Amount): Node[] {
  return nodes.map((node, at) => {
    if (at === from)
      return {
        ...node,
        cpu: Math.max(0, node.cpu - usage.cpu),
        memory: Math.max(0, node.memory - usage.memory),
      }
    if (at !== to) return node
    return { ...node, cpu: node.cpu + usage.cpu, memory: node.memory + usage.memory }
  })
}

export function imbalance(nodes: Node[]): number {
  const loads = nodes.map((node) => (node.cpu / node.mostCpu + node.memory / node.mostMemory) / 2)
  const mean = sum(loads) / loads.length
  if (mean === 0) return 0
  return Math.sqrt(sum(loads.map((load) => (load - mean) ** 2)) / loads.length) / mean
}

export const aNode = fc
  .record({
    cpu: fc.integer({ min: 0, max: 64e6 }),
    memory: fc.integer({ min: 0, max: 256 * 1e9 }),
    mostCpu: fc.integer({ min: 1e6, max: 64e6 }),
    mostMemory: fc.integer({ min: 1e9, max: 256 * 1e9 }),
  })
  .map((one): Node => one)
export const anAmount = fc.record({
  cpu: fc.integer({ min: 0, max: 16e6 }),
  memory: fc.integer({ min: 0, max: 32 * 1e9 }),
})
