// How far a cluster is from being disarmed, or armed again: read by the decision and shown to people. Reads only.
import type { z } from 'zod'
import type { Status } from '../../shared/operator-api.ts'
import type { ServiceState } from '../../shared/service.ts'
import { compareText } from './grants.ts'
import { isAnswering } from './renewing.ts'
import { ServiceTable } from './service-table.ts'
import type { ClusterView, NodeName, NodeView, Sid } from './view.ts'

/** What is under way in these states is ended before anything is disarmed. */
const endsFirst: readonly ServiceState[] = ['fence', 'recovery', 'migrate', 'relocate']

/** Services that keep a disarm waiting, in their order. */
export function busyBeforeDisarm(services: ServiceTable): Sid[] {
  return services
    .sids()
    .filter((sid) => isBusy(services.get(sid)?.status?.state))
    .sort(compareText)
}

/** Is this a state that a disarm waits for? */
export function isBusy(state: ServiceState | undefined): boolean {
  return state !== undefined && endsFirst.includes(state)
}

/** Services are left as they are, at an operator's command. */
export function isHandsOff(view: Pick<ClusterView, 'disarm'>): boolean {
  return view.disarm !== null && view.disarm.effectiveMs !== null
}

/** Nodes that answer and are not disarmed yet (`isTo` true), or not armed again. Silent ones keep nobody waiting. */
export function lagging(
  view: Pick<ClusterView, 'nodes' | 'nowMs' | 'settings'>,
  isTo: boolean,
): NodeName[] {
  return Object.values(view.nodes)
    .filter((node) => isAnswering(view, node) && isDisarmed(node) !== isTo)
    .map((node) => node.name)
    .sort(compareText)
}

/** It said so, and the release of its watchdog was committed before. */
function isDisarmed({ lease }: NodeView): boolean {
  return lease.mode === 'disarm' && !lease.armed
}

/** Whether the cluster protects its services, as people are told. */
export function fencingStatus(view: ClusterView): z.infer<typeof Status>['fencing'] {
  const { disarm } = view
  if (disarm === null) {
    const isAnyArmed = Object.values(view.nodes).some(({ lease }) => lease.armed)
    const late = lagging(view, false)
    const waitsFor = late.length > 0 ? `waits for ${late.join(' ')} to arm again` : ''
    return { state: isAnyArmed || waitsFor ? 'armed' : 'standby', mode: null, waitsFor }
  }
  return {
    state: disarm.state,
    mode: disarm.mode,
    waitsFor: disarmWaitsFor(view, new ServiceTable(view.services)),
  }
}

/** What a disarm waits for; '' for nothing. */
export function disarmWaitsFor(
  view: Omit<ClusterView, 'services'>,
  services: ServiceTable,
): string {
  const { disarm } = view
  if (disarm === null || disarm.state === 'disarmed') return ''
  if (disarm.effectiveMs === null) {
    const [first, ...others] = busyBeforeDisarm(services)
    if (first === undefined) return ''
    const { state } = services.get(first)!.status!
    const more = others.length > 0 ? ` and ${others.length} more` : ''
    return `waits for ${first}, which is in ${state}${more}`
  }
  const late = lagging(view, true)
  return late.length > 0 ? `waits for ${late.join(' ')} to let go of the watchdog` : ''
}
