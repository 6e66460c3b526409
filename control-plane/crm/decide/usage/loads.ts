// How much each online node is loaded: counted once in a decision, then kept up to date with every change of a service.
// Additions and subtractions of whole numbers, so that no trace of a change is left when it is taken back.
import type { Scheduling } from '../../../../shared/scheduling.ts'
import type { Census } from '../../../cluster/census.ts'
import { type Amount, amountOf, demandOf } from '../../../cluster/figures.ts'
import { eachLoadedNode, isMeasuredWithNode } from '../../../cluster/loaded-nodes.ts'
import type { WorkingView } from '../../../cluster/working-view.ts'
import type { NodeName, NodeView, ServiceView, Sid } from '../../../cluster/view.ts'

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
 * @param nodes its online nodes, in order
 * @param census of its services as they were before anything was changed
 * @param unmeasured those services that are no part of what was measured: all that `dynamic` must add
 */
export function startLoads(
  view: WorkingView,
  nodes: readonly NodeView[],
  census: Census,
  unmeasured: () => readonly Sid[],
): Loads {
  const names = nodes.map(({ name }) => name)
  const loads = emptyLoads(modeOf(view, nodes), names)
  const { mode, cpu, memory, mostCpu, mostMemory } = loads
  if (mode !== 'basic')
    nodes.forEach(({ capacity, usage }, place) => {
      const most = amountOf(capacity)
      mostCpu[place] = most.cpu
      mostMemory[place] = most.memory
      if (mode !== 'dynamic') return
      const used = amountOf(usage!)
      cpu[place] = used.cpu
      memory[place] = used.memory
    })
  if (mode === 'dynamic')
    for (const sid of unmeasured()) addService(loads, view.services.get(sid), 1)
  else addCounted(loads, view, census)
  return loads
}

/** What the census has summed up, put right by what was changed since. */
function addCounted(loads: Loads, { services }: WorkingView, { nodes }: Census): void {
  loads.names.forEach((name, place) => {
    const load = nodes.get(name)?.load
    if (load === undefined) return
    loads.services[place] = load.services
    if (loads.mode === 'basic') return
    loads.cpu[place] = load.cpu + load.wholes * loads.mostCpu[place]!
    loads.memory[place] = load.memoryBytes
  })
  for (const sid of services.changed()) {
    addService(loads, services.before(sid), -1)
    addService(loads, services.get(sid), 1)
  }
}

/** Nodes with nothing on them. */
export function emptyLoads(mode: Loads['mode'], names: readonly NodeName[]): Loads {
  const array = () => new Float64Array(names.length)
  let placeOf: Map<NodeName, number> | null = null
  return {
    mode,
    names,
    // Where nothing is placed nobody asks.
    get placeOf() {
      placeOf ??= new Map(names.map((name, place) => [name, place]))
      return placeOf
    },
    services: array(),
    cpu: array(),
    memory: array(),
    mostCpu: array(),
    mostMemory: array(),
  }
}

function modeOf(view: WorkingView, nodes: readonly NodeView[]): Loads['mode'] {
  const { mode } = view.settings.scheduling
  if (mode === 'basic') return mode
  return nodes.some((node) => whyNotWeighed(node, mode) !== null) ? 'basic' : mode
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
  if (loads.mode === 'dynamic' && isMeasuredWithNode(status)) return
  const demand = loads.mode === 'basic' ? null : demandOf(service)
  eachLoadedNode(status, (node) => addTo(loads, node, demand, by))
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
