// How much each online node is loaded: counted once in a decision, then kept up to date with every change of a service.
// Additions and subtractions of whole numbers, so that no trace of a change is left when it is taken back.
import type { Scheduling } from '../../../../shared/scheduling.ts'
import type {
  ClusterView,
  NodeName,
  NodeView,
  ServiceStatus,
  ServiceView,
  Sid,
} from '../../../cluster/view.ts'
import { type Amount, amountOf, demandOf } from './figures.ts'

export type Loads = {
  /** How nodes are weighed in this round: as configured, or `basic` where the figures for more are missing. */
  readonly mode: Scheduling['mode']
  /** Online nodes in the order of their names; the arrays below are by their place in it. */
  readonly names: readonly NodeName[]
  readonly placeOf: ReadonlyMap<NodeName, number>
  /** How many services load the node, in mode `basic`. */
  readonly services: Float64Array
  /** In millionths of a CPU, and bytes; all 0 in mode `basic`. */
  readonly cpu: Float64Array
  readonly memory: Float64Array
  readonly mostCpu: Float64Array
  readonly mostMemory: Float64Array
}

/**
 * The loads of a view.
 * @param names its online nodes, in order
 * @param sids its services
 * @param unmeasured those of them that are no part of what was measured: all that `dynamic` must add
 */
export function startLoads(
  view: ClusterView,
  names: readonly NodeName[],
  sids: readonly Sid[],
  unmeasured: () => readonly Sid[],
): Loads {
  const loads = emptyLoads(modeOf(view, names), names)
  const { mode, cpu, memory, mostCpu, mostMemory } = loads
  if (mode !== 'basic')
    names.forEach((name, place) => {
      const { capacity, usage } = view.nodes[name]!
      const most = amountOf(capacity)
      mostCpu[place] = most.cpu
      mostMemory[place] = most.memory
      if (mode !== 'dynamic') return
      const used = amountOf(usage!)
      cpu[place] = used.cpu
      memory[place] = used.memory
    })
  for (const sid of mode === 'dynamic' ? unmeasured() : sids)
    addService(loads, view.services[sid], 1)
  return loads
}

/** Nodes with nothing on them. */
export function emptyLoads(mode: Loads['mode'], names: readonly NodeName[]): Loads {
  const array = () => new Float64Array(names.length)
  return {
    mode,
    names,
    placeOf: new Map(names.map((name, place) => [name, place])),
    services: array(),
    cpu: array(),
    memory: array(),
    mostCpu: array(),
    mostMemory: array(),
  }
}

function modeOf(view: ClusterView, names: readonly NodeName[]): Loads['mode'] {
  const { mode } = view.settings.scheduling
  return names.some((name) => whyNotWeighed(view.nodes[name]!, mode) !== null) ? 'basic' : mode
}

/** Which figures of a node are missing for this mode, or null. */
export function whyNotWeighed(node: NodeView, mode: Scheduling['mode']): string | null {
  if (mode === 'basic') return null
  const { cpus, memoryBytes } = node.capacity
  if (cpus <= 0 || memoryBytes <= 0) return 'how many CPUs and how much memory it has'
  if (mode === 'dynamic' && !node.usage) return 'how much of its CPUs and memory is in use'
  return null
}

/** Adds (`by` 1) or takes away (−1) what one service loads. */
export function addService(loads: Loads, service: ServiceView | undefined, by: 1 | -1): void {
  const status = service?.status
  if (!service || !status) return
  const { state, node, target } = status
  if (state === 'stopped' || state === 'request_start') return
  if (loads.mode === 'dynamic' && isMeasuredWithNode(status)) return
  const demand = loads.mode === 'basic' ? null : demandOf(service)
  if (node !== null && state !== 'request_start_balance') addTo(loads, node, demand, by)
  if (target !== null && target !== node) addTo(loads, target, demand, by)
}

/** What its node uses includes it already, if it uses anything: it was confirmed running there, or must have been. */
export function isMeasuredWithNode({ state, running }: ServiceStatus): boolean {
  return state === 'started' ? running : state !== 'request_start_balance'
}

function addTo(loads: Loads, node: NodeName, demand: Amount | null, by: 1 | -1): void {
  const place = loads.placeOf.get(node)
  if (place === undefined) return
  loads.services[place] = loads.services[place]! + by
  if (demand === null) return
  const { cpu, memory, mostCpu } = loads
  cpu[place] = cpu[place]! + by * (demand.cpu === 0 ? mostCpu[place]! : demand.cpu)
  memory[place] = memory[place]! + by * demand.memory
}

/** How many services load `node`; of nodes that are not online nobody asks. */
export function servicesOn(loads: Loads, node: NodeName): number {
  const place = loads.placeOf.get(node)
  return place === undefined ? 0 : loads.services[place]!
}
