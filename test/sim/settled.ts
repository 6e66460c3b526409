// When everything has healed, everything must come to rest: what is not at rest yet, as sentences.
import { serviceType } from '../../shared/names.ts'
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { placementFaults } from './rules-kept.ts'
import type { World } from './world.ts'

/** What a site at rest would not have; empty: it is at rest. */
export function unsettled(world: World): string[] {
  const view = world.operator.view()
  const faults: string[] = []
  for (const { name, isOn } of world.machines) {
    const node = view.nodes[name]
    if (isOn && node && node.state !== 'online')
      faults.push(`node ${name} is ${node.state} although its machine is on: ${node.note}`)
  }
  for (const service of Object.values(view.services))
    faults.push(...ofService(world, view, service))
  for (const { uid, kind, sid } of view.commands)
    if (isFeasible(view, sid)) faults.push(`command ${kind} of ${sid} (${uid}) is pending`)
  for (const { kind } of view.clusterCommands) faults.push(`command ${kind} is pending`)
  if (view.planeEpoch.quarantineUntilMs !== null) faults.push('the cluster is in quarantine')
  if (faults.length > 0) return faults
  const { changes } = decide({ ...view, round: view.round + 1 })
  return changes.map(({ kind, why }) => `a round would still change something: ${kind}, ${why}`)
}

function ofService(world: World, view: ClusterView, service: ServiceView): string[] {
  const { sid, config, status } = service
  const running = world.running()[sid]
  if (config === null || config.requested === 'ignored') return []
  const where = `${sid} is ${status?.state ?? 'not managed'} on ${status?.node ?? 'no node'}, and runs on ${running ?? 'no machine'}`
  if (config.requested !== 'started')
    return running === undefined ? [] : [`${where}: it is ${config.requested}`]
  if (running !== undefined && status?.state === 'started' && status.running) return []
  return isFeasible(view, sid) ? [`${where}: ${status?.note ?? ''}`] : []
}

/** Some node of its best class may take it, as far as hard rules go. */
function isFeasible(view: ClusterView, sid: string): boolean {
  return bestClass(view, sid).some((node) => placementFaults(view, sid, node).length === 0)
}

/** Of the nodes that could run it: those with the highest priority of what it is bound to (reference 2.14, step 1). */
function bestClass(view: ClusterView, sid: string): string[] {
  const bound = keptTogether(view, sid)
  const bindings = view.rules.flatMap((rule) =>
    rule.type === 'node-affinity' && !rule.disabled && rule.resources.some((one) => bound.has(one))
      ? [rule.nodes]
      : [],
  )
  for (const one of bound) {
    const group = view.services[one]?.config?.group
    if (group && view.groups[group]) bindings.push(view.groups[group].nodes)
  }
  const fit = Object.values(view.nodes)
    .filter(
      ({ state, drivers, watchdog }) =>
        state === 'online' && drivers.includes(serviceType(sid)) && watchdog.class !== 'none',
    )
    .map(({ name }) => name)
  let best = fit
  for (const nodes of bindings) {
    const highest = Math.max(...fit.map((name) => nodes[name] ?? -1))
    if (highest >= 0) best = best.filter((name) => nodes[name] === highest)
  }
  return best
}

/** What is bound for one of these is bound for all of them. */
function keptTogether(view: ClusterView, sid: string): Set<string> {
  const found = new Set([sid])
  for (const one of found)
    for (const rule of view.rules)
      if (rule.type === 'resource-affinity' && rule.affinity === 'positive' && !rule.disabled)
        if (rule.resources.includes(one)) for (const other of rule.resources) found.add(other)
  return found
}

/** Nothing runs on its machine, and no boot of it that is on record goes on. */
export function isOver(world: World, name: string): boolean {
  const { lease, revocations } = world.operator.view().nodes[name]!
  const { isOn, guests, bootId } = world.node(name)
  const boots = [lease.bootId, ...revocations.map((one) => one.bootId)]
  return !isOn || (guests.isEmpty && !boots.includes(bootId))
}
