// One automatic rebalancing: the loads and what may move as recorded, our imbalance, our move.
import { z } from 'zod'
import { startDraft } from '../../../control-plane/crm/decide/draft.ts'
import { loadsOf } from '../../../control-plane/crm/decide/scores.ts'
import { bestMove } from '../../../control-plane/crm/decide/usage/best-move.ts'
import { amountOf } from '../../../control-plane/cluster/figures.ts'
import { imbalanceOf, nodeLoads } from '../../../control-plane/crm/decide/usage/imbalance.ts'
import type { Movable } from '../../../control-plane/crm/decide/usage/movable.ts'
import { compare, compareNumbers, type Kind } from '../judge.ts'
import { loadedView, RecordedDemand, RecordedLoad } from '../recorded-load.ts'

const Item = z.object({
  t: z.number(),
  method: z.enum(['bruteforce', 'topsis']),
  scheduler: z.enum(['static', 'dynamic']),
  node_load: z.record(z.string(), RecordedLoad),
  demand: z.record(z.string(), RecordedDemand),
  imbalance: z.number(),
  candidates: z.array(
    z.object({ leader: z.string(), nodes: z.array(z.string()), resources: z.array(z.string()) }),
  ),
  chosen: z
    .object({ sid: z.string(), from: z.string(), to: z.string(), imbalance: z.number() })
    .nullable(),
})
type Item = z.infer<typeof Item>

export const rebalance: Kind = {
  name: 'rebalance',
  recognises: (item) => 'kind' in item && item.kind === 'rebalance',
  judge(item, others) {
    const recorded = Item.parse(item)
    const { imbalance, chosen, method } = recorded
    const loads = loadsOf(startDraft(loadedView(recorded.node_load, [])))
    const found = bestMove(loads, movablesOf(recorded, others, loads.names), method)
    const move = found && { sid: found.leader, from: found.from, to: found.to }
    const difference =
      compareNumbers(
        'imbalance',
        { before: imbalance },
        { before: imbalanceOf(nodeLoads(loads)) },
      ) ??
      compare('move', chosen && { sid: chosen.sid, from: chosen.from, to: chosen.to }, move) ??
      compareNumbers(
        'imbalance after the move',
        { after: chosen?.imbalance ?? 0 },
        { after: found?.imbalance ?? 0 },
      )
    return [{ case: `at ${recorded.t} s`, difference }]
  },
}

function movablesOf(
  recorded: Item,
  others: readonly unknown[],
  names: readonly string[],
): Movable[] {
  return recorded.candidates.map(({ leader, nodes, resources }) => ({
    leader,
    from: names.indexOf(sourceOf(recorded, others, leader, nodes)),
    targets: nodes.map((node) => names.indexOf(node)).sort((a, b) => a - b),
    usage: resources
      .map((sid) => usageOf(recorded, sid))
      .reduce((a, b) => ({ cpu: a.cpu + b.cpu, memory: a.memory + b.memory })),
  }))
}

function usageOf({ scheduler, demand }: Item, sid: string) {
  const { cpu, mem, maxcpu, maxmem } = demand[sid]!
  return scheduler === 'static'
    ? amountOf({ cpus: maxcpu, memoryBytes: maxmem })
    : amountOf({ cpus: cpu ?? 0, memoryBytes: mem ?? 0 })
}

/** Where a service is, as told by the selections of nodes that surround a rebalancing in its file. */
const Surrounding = z.object({
  kind: z.literal('place'),
  t: z.number(),
  services: z.record(z.string(), z.object({ node: z.string() })),
})

/**
 * Where a bundle is is recorded for the chosen one only. Others are where the nearest selection in the file says that
 * they are; failing that on a node that they may not move to, of several on the fullest.
 */
function sourceOf(
  { t, chosen, node_load }: Item,
  others: readonly unknown[],
  leader: string,
  targets: string[],
): string {
  if (chosen?.sid === leader) return chosen.from
  const nearest = others
    .flatMap((item) => Surrounding.safeParse(item).data ?? [])
    .filter(({ services }) => services[leader] && !targets.includes(services[leader].node))
    .sort((a, b) => Math.abs(a.t - t) - Math.abs(b.t - t))[0]
  if (nearest) return nearest.services[leader]!.node
  const load = (node: string) => node_load[node]!.mem / node_load[node]!.maxmem
  const rest = Object.keys(node_load).filter((node) => !targets.includes(node))
  return rest.sort((a, b) => load(b) - load(a))[0]!
}
