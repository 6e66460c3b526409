// What operators wish to take over from a node, running or not: whether it may be asked for, and what becomes of its answer. Pure.
import { hasCurrentLease } from '../cluster/grants.ts'
import type { ClusterView, NodeView } from '../cluster/view.ts'
import { serviceType, type ServiceType } from '../../shared/names.ts'
import type { DescribedDomain } from '../../shared/node-question.ts'
import { hostBound, readDomainXml } from '../../shared/specs/domain-xml.ts'
import { knownNode } from './node-wish.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import { refuseSameMachine } from './same-machine.ts'

/** Of these a node has nothing that the plane would have to be told; what runs of most of them is found by itself. */
const notDescribed: Record<Exclude<ServiceType, 'vm'>, string> = {
  process:
    'a command that somebody runs bears nothing by which it could be told: it cannot be taken over',
  systemd: 'a unit needs no description: add it, and it is adopted where it runs',
  ct: 'a container’s configuration stays on its nodes: add it with --container NAME, and it is adopted where it runs',
  podman:
    'a container is made anew with every start, of the image that is given: add it with --image NAME',
  ocf: 'a resource is told by its agent and parameters: add it with these, and it is adopted where it runs',
  'ocf-group':
    'resources are told by their agents and parameters: add the group with these, and it is adopted where it runs',
}

export type AdoptWish = { sid: string; node: string }

/** May this node be asked for what is to become service `sid`? */
export function refuseDescribe(view: ClusterView, { sid, node: name }: AdoptWish): Refusal | null {
  const type = serviceType(sid)
  if (type !== 'vm')
    return refuse('invalid', notDescribed[type], [
      { field: 'sid', message: 'only vm: services are taken over with a description' },
    ])
  if (view.services[sid]?.config)
    return refuse('already-exists', `service ${sid} exists already: it is managed as it is`)
  const node = knownNode(view, name)
  return isRefusal(node) ? node : whyNotFrom(view, node, type)
}

/** What runs there is to be adopted there, so the node must be able to protect it. */
function whyNotFrom(view: ClusterView, node: NodeView, type: ServiceType): Refusal | null {
  const { name, state, lease, drivers, watchdog } = node
  if (state !== 'online' || !hasCurrentLease(node, view.nowMs))
    return refuse('node-not-online', `node ${name} is ${state}: only what is online can be asked`)
  const unusable = (why: string) => refuse('node-not-usable', `node ${name} cannot keep it: ${why}`)
  if (lease.mode !== 'active') return unusable(`its agent is in mode ${lease.mode}`)
  if (!drivers.includes(type)) return unusable(`it has no driver for ${type}`)
  if (watchdog.class === 'none')
    return unusable(`it has no watchdog${watchdog.note ? `: ${watchdog.note}` : ''}`)
  return null
}

/** What is to be known before the description becomes a service; or why it may not. */
export function judgeDescribed(
  view: ClusterView,
  { sid, node }: AdoptWish,
  { name, xml }: DescribedDomain,
): { warnings: string[] } | Refusal {
  const read = readDomainXml(xml)
  if ('fault' in read)
    return refuse('cannot-be-adopted', `domain ${name} of ${node} cannot be kept: ${read.fault}`)
  return refuseSameMachine(view, sid, { xml }) ?? { warnings: hostBound(xml) }
}
