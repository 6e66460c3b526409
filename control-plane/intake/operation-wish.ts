// What operators ask to be done with a service now: refused here if it cannot apply, else queued as a command (D5, D6).
// Pure. The CRM judges again when the command's turn comes: the world may have moved on.
import { ServiceTable } from '../cluster/service-table.ts'
import { compileRules } from '../cluster/rules/compile.ts'
import { type Forbidden, whyForbidden } from '../cluster/rules/forbidden.ts'
import { groupOfRule } from '../cluster/rules/reasons.ts'
import { serviceType } from '../../shared/names.ts'
import type { RequestedState } from '../../shared/service.ts'
import type {
  ClusterView,
  CommandKind,
  NodeName,
  ServiceConfig,
  ServiceView,
  Sid,
} from '../cluster/view.ts'
import { refuseWhileDisarmed } from './cluster-wish.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import { configured, refuseRequested, refuseServiceUpdate } from './service-wish.ts'

type Configured = ServiceView & { config: ServiceConfig }

/** What an operation writes into the service's requested state at once; null: nothing, the CRM carries it out. */
export const requestedBy: Record<Exclude<CommandKind, 'remove'>, RequestedState | null> = {
  enable: 'started',
  start: 'started',
  disable: 'disabled',
  stop: 'stopped',
  restart: null,
  migrate: null,
  relocate: null,
}

/** @param later the operation is for a later time: who is online now does not matter */
export type OperationWish = {
  kind: CommandKind
  sid: Sid
  node: NodeName | null
  later: boolean
}

/** May this operation be queued? */
export function refuseOperation(view: ClusterView, wish: OperationWish): Refusal | null {
  const service = configured(view, wish.sid)
  if (isRefusal(service)) return service
  switch (wish.kind) {
    case 'remove':
      return null
    case 'enable':
    case 'start':
      return (
        refuseRequested(service, 'started') ??
        // One that was ignored needed no node until now (D14).
        refuseServiceUpdate(view, wish.sid, { requested: 'started' })
      )
    case 'disable':
      return refuseRequested(service, 'disabled')
    case 'stop':
      return refuseIgnored(service) ?? refuseRequested(service, 'stopped')
    case 'restart':
      return (
        refuseWhileDisarmed(view) ??
        refuseIgnored(service) ??
        refuseInError(service) ??
        refuseNotStarted(service)
      )
    case 'migrate':
    case 'relocate':
      return (
        (wish.later ? null : refuseWhileDisarmed(view)) ??
        refuseIgnored(service) ??
        refuseInError(service) ??
        refuseTarget(view, service, wish)
      )
  }
}

function refuseIgnored(service: Configured): Refusal | null {
  if (service.config.requested !== 'ignored') return null
  return refuse(
    'service-ignored',
    `service ${service.sid} is ignored: it is not managed until its requested state changes`,
  )
}

function refuseInError(service: Configured): Refusal | null {
  return refuseRequested(service, 'started')
}

function refuseNotStarted(service: Configured): Refusal | null {
  if (service.config.requested === 'started') return null
  return refuse(
    'not-started',
    `service ${service.sid} is not to be running (requested: ${service.config.requested}); start it instead`,
  )
}

function refuseTarget(view: ClusterView, service: Configured, wish: OperationWish): Refusal | null {
  const { sid, status } = service
  const node = wish.node === null ? undefined : view.nodes[wish.node]
  if (!node) return refuse('unknown-node', `no node ${wish.node ?? ''} in this cluster`)
  const type = serviceType(sid)
  if (!node.drivers.includes(type))
    return refuse('node-not-usable', `node ${node.name} has no driver for ${type} services`)
  const forbidden = whyForbidden(
    compileRules(view),
    new ServiceTable(view.services),
    sid,
    node.name,
  )
  // By the time of a later move its peers may be elsewhere.
  if (forbidden !== null && !(wish.later && forbidden.peer !== null))
    return refuse(codeOf(forbidden), forbidden.sentence)
  if (wish.later) return null
  if (status?.node === node.name && (status.target === null || status.target === node.name))
    return refuse('already-there', `service ${sid} is on ${node.name} already`)
  if (node.state !== 'online')
    return refuse('node-not-online', `node ${node.name} is ${node.state}, not online`)
  return null
}

function codeOf({ rules }: Forbidden): 'forbidden-by-group' | 'forbidden-by-rule' {
  return rules.some((id) => groupOfRule(id) !== null) ? 'forbidden-by-group' : 'forbidden-by-rule'
}
