// What a node may ask with its own credential, which is much less than an operator may: about services that are its business
// and while the plane trusts it. Pure. What passes here is judged by the intake of operators next, like anybody's wish.
//
// Why so narrow: the credential lies on the node's disk, and whoever is root there has it. With it they may do to the services
// that are there what they could do by hand anyhow, and have one started that could be started there. Nothing else.
import { ServiceTable } from '../cluster/service-table.ts'
import { serviceType } from '../../shared/names.ts'
import { isHandsOff } from '../cluster/disarm.ts'
import { holderOn } from '../cluster/grants.ts'
import { isAnswering } from '../cluster/renewing.ts'
import { compileRules } from '../cluster/rules/compile.ts'
import { whyForbidden } from '../cluster/rules/forbidden.ts'
import type { ClusterView, NodeView, ServiceConfig, ServiceView, Sid } from '../cluster/view.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import { configured } from './service-wish.ts'

/** `look`: only how it stands is asked. */
export type ToolWish = {
  nodeUid: string
  sid: Sid
  kind: 'start' | 'stop' | 'restart' | 'migrate' | 'look'
}

/** May this node ask that? */
export function refuseTool(view: ClusterView, { nodeUid, sid, kind }: ToolWish): Refusal | null {
  const node = Object.values(view.nodes).find(({ uid }) => uid === nodeUid)
  if (!node || !isAnswering(view, node))
    return refuse(
      'node-not-answering',
      `node ${node?.name ?? nodeUid} is ${node?.state ?? 'gone'}${node?.state === 'online' ? ', but does not renew its lease' : ''}: it may ask for nothing before its agent has joined and renews`,
    )
  const service = configured(view, sid)
  if (isRefusal(service)) return service
  return refuseUnmanaged(view, service) ?? refuseForeign(view, node, service, kind)
}

type Configured = ServiceView & { config: ServiceConfig }

/** The reference hands such a request to the node's own tools; ours says that nobody is in the way of them. */
function refuseUnmanaged(view: ClusterView, { sid, config }: Configured): Refusal | null {
  if (config.requested === 'ignored')
    return refuse(
      'service-ignored',
      `service ${sid} is ignored: it is not managed until its requested state changes`,
    )
  if (!isHandsOff(view) || view.disarm?.mode !== 'ignore') return null
  return refuse('hands-off', 'the cluster is disarmed, mode ignore: no service is managed now')
}

/** Its business: what is here or held here; and to start or look at, what may run here. */
function refuseForeign(
  view: ClusterView,
  node: NodeView,
  service: Configured,
  kind: ToolWish['kind'],
): Refusal | null {
  const { sid, config, status, grant } = service
  const where = status === null ? config.node : status.node
  if (where === node.name || holderOn(grant, node.name)) return null
  const there = where === null ? 'not on this node' : `on ${where}`
  const nothing = `service ${sid} is ${there}: node ${node.name}`
  if (kind !== 'start' && kind !== 'look')
    return refuse('not-of-this-node', `${nothing} may not ask for its ${kind}`)
  const type = serviceType(sid)
  if (!node.drivers.includes(type))
    return refuse('not-of-this-node', `${nothing} has no driver for ${type} services`)
  const forbidden = whyForbidden(
    compileRules(view),
    new ServiceTable(view.services),
    sid,
    node.name,
  )
  if (forbidden === null) return null
  return refuse('not-of-this-node', `${nothing} may not run it (${forbidden.sentence})`)
}
