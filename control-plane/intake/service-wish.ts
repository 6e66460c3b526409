// What operators wish of a service's configuration: accepted, or refused with a reason, before anything is written.
// Pure: a view and a wish in, null or a Refusal out.
import type { ServiceCreate, ServiceUpdate } from '../../shared/operator-api.ts'
import { type RequestedState } from '../../shared/service.ts'
import { judgeSpec } from '../../shared/specs/service-specs.ts'
import type { ClusterView, ServiceConfig, ServiceView, Sid } from '../cluster/view.ts'
import { refuseStranded } from './feasible.ts'
import { refuseInfeasible } from './infeasible.ts'
import { fieldErrors } from './field-errors.ts'
import { type Refusal, refuse } from './refusal.ts'
import { refuseSameMachine } from './same-machine.ts'

/** May this service be added? A removed one with an open grant may: adding it again adopts the grant. */
export function refuseServiceCreate(view: ClusterView, wish: ServiceCreate): Refusal | null {
  if (view.services[wish.sid]?.config)
    return refuse('already-exists', `service ${wish.sid} exists already: change it instead`)
  return (
    refuseUnknownNode(view, wish.node) ??
    refuseUnknownNode(view, wish.adoptedFrom, 'adoptedFrom') ??
    refuseSameMachine(view, wish.sid, wish.spec) ??
    refusePlace(view, wish.sid, wish)
  )
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
    const { config, status } = found
    const refusal = refuseRequested(
      { sid, status, config: { ...config, spec: wish.spec ?? config.spec } },
      wish.requested,
    )
    if (refusal) return refusal
  }
  const { group = found.config.group, requested = found.config.requested } = wish
  return (
    refuseUnknownNode(view, wish.node ?? null) ??
    (wish.spec === undefined ? null : refuseSameMachine(view, sid, wish.spec)) ??
    refusePlace(view, sid, { group, requested })
  )
}

/** The wish with its `spec` as the type of the service has it, defaults filled in. */
export function withJudgedSpec(sid: Sid, wish: ServiceUpdate): ServiceUpdate | Refusal {
  if (wish.spec === undefined) return wish
  const judged = judgeSpec(sid, wish.spec)
  if ('spec' in judged) return { ...wish, spec: judged.spec }
  const errors = judged.issues.flatMap((issue) => fieldErrors(issue, ['spec']))
  const sentence = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return refuse('invalid', sentence, errors)
}

/** A service in `error` may only be disabled, and only that brings it out again. */
export function refuseRequested(
  service: Pick<ServiceView, 'sid' | 'config' | 'status'>,
  requested: RequestedState,
): Refusal | null {
  const refusal = refuseUnspecified(service, requested)
  if (refusal) return refusal
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

/** One that came from another manager is known by name only, until it is told what it runs. */
function refuseUnspecified(
  { sid, config }: Pick<ServiceView, 'sid' | 'config'>,
  requested: RequestedState,
): Refusal | null {
  if (requested !== 'started' || config === null) return null
  if ('spec' in judgeSpec(sid, config.spec)) return null
  return refuse('invalid', `service ${sid} has no specification yet: set it, then start it`, [
    { field: 'spec', message: 'must say what it runs' },
  ])
}

function refuseUnknownNode(
  view: ClusterView,
  node: string | null,
  field: 'node' | 'adoptedFrom' = 'node',
): Refusal | null {
  if (node === null || view.nodes[node]) return null
  return refuse('unknown-node', `no node ${node} in this cluster`, [
    { field, message: `no node ${node}` },
  ])
}

/** The group must exist; with the service so every rule can be kept, and a wanted service has a node (D14). */
function refusePlace(
  view: ClusterView,
  sid: Sid,
  config: Pick<ServiceConfig, 'group' | 'requested'>,
): Refusal | null {
  const { group } = config
  if (group !== null && view.groups[group] === undefined)
    return refuse('unknown-group', `no group ${group} in this cluster`, [
      { field: 'group', message: `no group ${group}` },
    ])
  const after = { ...view, services: { ...view.services, [sid]: { config } } }
  return refuseInfeasible(view, after) ?? refuseStranded(view, after)
}
