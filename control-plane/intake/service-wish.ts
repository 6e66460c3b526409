// What operators wish of a service's configuration: accepted, or refused with a reason, before anything is written.
// Pure: a view and a wish in, null or a Refusal out.
import { serviceType } from '../../shared/names.ts'
import type { ServiceCreate, ServiceUpdate } from '../../shared/operator-api.ts'
import type { RequestedState } from '../../shared/service.ts'
import type { ClusterView, GroupView, ServiceConfig, ServiceView, Sid } from '../cluster/view.ts'
import { possibleNodes } from './feasible.ts'
import { type Refusal, refuse } from './refusal.ts'

/** The drivers this version brings. */
const knownDrivers = ['process']

/** May this service be added? A removed one with an open grant may: adding it again adopts the grant. */
export function refuseServiceCreate(view: ClusterView, wish: ServiceCreate): Refusal | null {
  if (view.services[wish.sid]?.config)
    return refuse('already-exists', `service ${wish.sid} exists already; change it with PATCH`)
  const type = serviceType(wish.sid)
  if (!knownDrivers.includes(type))
    return refuse(
      'no-driver',
      `no driver for services of type ${type} yet: only ${knownDrivers.join(', ')} services can be added`,
    )
  return refusePlace(view, wish.sid, wish.group)
}

/** May the configuration of this service change so? */
export function refuseServiceUpdate(
  view: ClusterView,
  sid: Sid,
  wish: ServiceUpdate,
): Refusal | null {
  const found = configured(view, sid)
  if ('refused' in found) return found
  if (wish.requested !== undefined && wish.requested !== found.config.requested) {
    const refusal = refuseRequested(found, wish.requested)
    if (refusal) return refusal
  }
  return wish.group === undefined ? null : refusePlace(view, sid, wish.group)
}

/** A service in `error` may only be disabled, and only that brings it out again. */
export function refuseRequested(service: ServiceView, requested: RequestedState): Refusal | null {
  if (service.status?.state !== 'error' || requested === 'disabled') return null
  return refuse(
    'service-in-error',
    `service ${service.sid} is in error: disable it, repair the cause, then enable it`,
  )
}

/** The service as configured, or the refusal that it is not. */
export function configured(
  view: ClusterView,
  sid: Sid,
): (ServiceView & { config: ServiceConfig }) | Refusal {
  const service = view.services[sid]
  if (service?.config) return { ...service, config: service.config }
  return service
    ? refuse('unknown-service', `service ${sid} was removed; its last grant is not closed yet`)
    : refuse('unknown-service', `no service ${sid} in this cluster`)
}

function refusePlace(view: ClusterView, sid: Sid, groupName: string | null): Refusal | null {
  if (groupName === null) return null
  const group: GroupView | undefined = view.groups[groupName]
  if (!group)
    return refuse('unknown-group', `no group ${groupName} in this cluster`, [
      { field: 'group', message: `no group ${groupName}` },
    ])
  if (!group.restricted || possibleNodes(view, sid, group).length > 0) return null
  return refuse(
    'no-possible-node',
    `service ${sid} could run nowhere: group ${group.name} is restricted to ${Object.keys(group.nodes).join(', ')}, none of which can run it`,
  )
}
