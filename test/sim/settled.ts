// When everything has healed, everything must come to rest: what is not at rest yet, as sentences.
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { placementFaults } from './rules-kept.ts'
import type { World } from './world.ts'

/** What a site at rest would not have; empty: it is at rest. */
export function unsettled(world: World): string[] {
  const view = world.operator.view()
  const faults: string[] = []
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

/** Some node may take it, as far as hard rules go. */
function isFeasible(view: ClusterView, sid: string): boolean {
  return Object.values(view.nodes).some(
    (node) => node.state === 'online' && placementFaults(view, sid, node.name).length === 0,
  )
}
