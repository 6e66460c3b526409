// What automatic rebalancing may move, and whereto: bundles that run as they should, each to the nodes its rules prefer.
// Never what is on its way, waits for an operator, or may go nowhere else.
import { holderOn } from '../../cluster/grants.ts'
import type { NodeName, ServiceView } from '../../cluster/view.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'
import { type NodeClasses, nodeClasses } from './node-classes.ts'
import { partnersApart } from './partners.ts'
import { type Bundle, bundlesOf } from './usage/bundles.ts'
import { type Amount, amountOf, demandOf } from '../../cluster/figures.ts'
import type { Loads } from './usage/loads.ts'
import type { Movable } from './usage/movable.ts'

/** Every bundle that may be moved now, in the order of leaders. */
export function movables(draft: Draft, loads: Loads): Movable[] {
  const { services } = draft.view
  const { together } = compiledRules(draft)
  const found: Movable[] = []
  const placesOf = placesOfClasses(loads)
  for (const bundle of bundlesOf(services, draft.sids, (sid) => together.get(sid)?.sids ?? null)) {
    const usage = usageOf(draft, loads, bundle)
    const leader = bundle[0]!
    const from = loads.placeOf.get(services.get(leader)!.status!.node ?? '')
    if (usage === null || from === undefined) continue
    const targets = targetsOf(draft, loads, bundle, placesOf)
    if (targets.length > 0) found.push({ leader, from, targets, usage })
  }
  return found
}

/** What all of them use; null where one of them is not to be moved, or its figures are missing. */
function usageOf(draft: Draft, loads: Loads, bundle: Bundle): Amount | null {
  const sum = { cpu: 0, memory: 0 }
  for (const sid of bundle) {
    const service = draft.view.services.get(sid)!
    if (!isAtRest(draft, service)) return null
    const usage = usageOfOne(loads, service)
    if (usage === null) return null
    sum.cpu += usage.cpu
    sum.memory += usage.memory
  }
  return sum
}

/** What it is configured with counts as used under `static`; of CPUs without a limit none are. */
function usageOfOne(loads: Loads, service: ServiceView): Amount | null {
  if (loads.mode === 'static') return demandOf(service)
  return service.usage ? amountOf(service.usage) : null
}

/** It runs where it should, nobody objects to its being moved, and nothing else is about to happen to it. */
function isAtRest(draft: Draft, { config, status, grant }: ServiceView): boolean {
  if (!config?.autoRebalance || config.requested !== 'started' || !status) return false
  const { node, running, restart, command, retryAtMs } = status
  if (!running || restart || command !== null) return false
  if (retryAtMs !== null && retryAtMs > draft.nowMs) return false
  return grant?.holders.length === 1 && holderOn(grant, node) !== undefined
}

type PlacesOf = (classes: NodeClasses) => readonly number[]

/** Thousands of services share few classes. */
function placesOfClasses(loads: Loads): PlacesOf {
  const known = new Map<NodeClasses, readonly number[]>()
  return (classes) => {
    let places = known.get(classes)
    if (!places) {
      places = placesIn(loads, classes.best)
      known.set(classes, places)
    }
    return places
  }
}

function placesIn({ placeOf }: Loads, nodes: Iterable<NodeName>): number[] {
  return Array.from(nodes, (node) => placeOf.get(node)!).sort((a, b) => a - b)
}

/** The leader's best nodes, as far as each of them may be there. */
function targetsOf(
  draft: Draft,
  loads: Loads,
  bundle: Bundle,
  placesOf: PlacesOf,
): readonly number[] {
  const classes = nodeClasses(draft, bundle[0]!)
  const places = placesOf(classes)
  const apart = new Set<NodeName>()
  for (const sid of bundle) for (const node of partnersApart(draft, sid).keys()) apart.add(node)
  const others = bundle.map((sid) => nodeClasses(draft, sid)).filter((one) => one !== classes)
  if (apart.size === 0 && others.length === 0) return places
  return places.filter((place) => {
    const node = loads.names[place]!
    return !apart.has(node) && others.every(({ allowed }) => allowed.has(node))
  })
}
