// What each node is told to do: the desired state as documents, derived from the view and from nothing else.
// Must never name a generation that the node may not use under the lease it has now.
import type { Desired, Order } from '../../shared/protocol.ts'
import type { ServiceState } from '../../shared/service.ts'
import { isHandsOff } from './disarm.ts'
import { orderedDrill, isToBeEmpty } from './drills.ts'
import {
  compareText,
  currentReport,
  generationOn,
  holderOn,
  holdsNow,
  isUnknownGeneration,
  liveTargetOf,
  otherHolder,
} from './grants.ts'
import { isLeftover, mayEndHalf, moveHalf } from './move-orders.ts'
import type { ClusterView, NodeName, NodeView, ServiceView, Sid } from './view.ts'
import { canLook, takenOverFrom } from './taken-over.ts'
import { tellingOf } from '../../shared/specs/service-specs.ts'

/** A node's desired state but for its revision, which the store gives when the document differs from the last. */
export type DesiredDocument = Omit<Desired, 'revision'>

/** The states in which an agent has something to do, or to hold still for. */
const orderStateOf: Record<ServiceState, Order['state'] | null> = {
  started: 'started',
  request_stop: 'request_stop',
  stopped: 'stopped',
  relocate: 'relocate',
  migrate: 'migrate',
  request_start_balance: 'request_start_balance',
  freeze: 'freeze',
  error: 'error',
  request_start: null,
  fence: null,
  recovery: null,
}

/** The desired state of one node. */
export function desiredFor(view: ClusterView, nodeName: NodeName): DesiredDocument {
  return desiredForAll(view, [nodeName])[nodeName]!
}

/** The desired states of `nodeNames` (absent: of all nodes), in one pass over the services. */
export function desiredForAll(
  view: ClusterView,
  nodeNames: readonly NodeName[] = Object.keys(view.nodes),
): Record<NodeName, DesiredDocument> {
  const documents: Record<NodeName, DesiredDocument> = {}
  for (const name of nodeNames) {
    const node = view.nodes[name]
    if (node) documents[name] = emptyDocument(view, node)
  }
  const strays = straysOf(view)
  for (const sid of Object.keys(view.services).sort(compareText)) {
    const service = view.services[sid]!
    const strayed = strays.get(sid) ?? none
    for (const name of concerned(service, strayed)) {
      const order = documents[name] && orderFor(view, service, view.nodes[name]!, strayed)
      if (order) documents[name]!.services.push(order)
    }
    if (!isProbed(service)) continue
    const telling = tellingOf(sid, service.config?.spec)
    for (const name in documents)
      if (takenOverFrom(service) === name || canLook(view.nodes[name]!, service))
        ask(documents[name]!, sid, telling)
  }
  return documents
}

function ask(document: DesiredDocument, sid: Sid, telling: unknown): void {
  document.probes.push(sid)
  if (telling !== undefined) document.probeSpecs = { ...document.probeSpecs, [sid]: telling }
}

function emptyDocument(view: ClusterView, node: NodeView): DesiredDocument {
  const { planeEpoch, settings, cluster } = view
  const isHeld = () => Object.values(view.services).some(({ grant }) => holderOn(grant, node.name))
  const drill = orderedDrill(view, node, isHeld)
  return {
    clusterUuid: cluster.uuid,
    nodeUid: node.uid,
    planeEpoch: { number: planeEpoch.number, uuid: planeEpoch.uuid },
    mode: isHandsOff(view) ? 'disarm' : isToBeEmpty(view, node) ? 'maintenance' : 'active',
    timing: settings.timing,
    maxWorkers: settings.maxWorkers,
    onLeaseLoss: settings.onLeaseLoss,
    shutdownPolicy: settings.shutdownPolicy,
    services: [],
    probes: [],
    ...(drill && { drill }),
  }
}

/** In these states a service that is wanted may have to be asked for. */
const probed: readonly ServiceState[] = ['request_start', 'started', 'fence', 'recovery']

/** Before its first grant, after a time unmanaged, and after an ignore-mode disarm every node is asked whether it runs there. */
function isProbed(service: ServiceView): boolean {
  return isToBeAskedFor(service) && probed.includes(service.status!.state)
}

/** Now or later: frozen or in error it is left alone, and nobody knows better where it runs. */
function isToBeAskedFor({ config, status }: ServiceView): boolean {
  return status !== null && status.probeRound !== null && config?.requested === 'started'
}

/** Who says that it runs what is granted to others only. */
function straysOf(view: ClusterView): Map<Sid, NodeName[]> {
  const strays = new Map<Sid, NodeName[]>()
  for (const name in view.nodes)
    for (const { sid, generation } of currentReport(view.nodes[name]!)?.running ?? []) {
      const service = view.services[sid]
      if (service && isStray(view, service, name, generation))
        strays.set(sid, [...(strays.get(sid) ?? []), name])
    }
  return strays
}

/** It runs what is granted to others only. */
function isStray(
  view: ClusterView,
  service: ServiceView,
  node: NodeName,
  generation: number,
): boolean {
  // What a lost history granted runs on (rule 9): its older holder may have ended its own, and is about to say so.
  const isQuarantine = view.planeEpoch.quarantineUntilMs !== null
  if (isQuarantine && isUnknownGeneration(service, generation)) return false
  // One of two copies: which of them is to go is a person's word. Nobody has looked yet, or nothing is to be touched now.
  if (isToBeAskedFor(service) || isHandsOff(view)) return false
  return service.grant !== null && holderOn(service.grant, node) === undefined
}

const none: readonly NodeName[] = []

/** Every node that may have an order for this service; mostly one. */
function concerned({ status, grant }: ServiceView, strays: readonly NodeName[]): NodeName[] {
  const nodes: NodeName[] = []
  const add = (node: NodeName) => {
    if (!nodes.includes(node)) nodes.push(node)
  }
  if (status?.node) add(status.node)
  for (const holder of grant?.holders ?? []) add(holder.node)
  for (const node of strays) add(node)
  return nodes
}

function orderFor(
  view: ClusterView,
  service: ServiceView,
  node: NodeView,
  strays: readonly NodeName[],
): Order | null {
  const { sid, config, status, grant } = service
  const held = holdsNow(grant, node) ? generationOn(grant, node.name) : null
  const common = {
    sid,
    generation: held,
    stopTimeoutMs:
      status?.stopTimeoutMs ?? config?.stopTimeoutMs ?? view.settings.timing.stopTimeoutMs,
    restart: false,
    maxRestart: config?.maxRestart ?? 0,
    spec: config?.spec ?? null,
    ...(isElsewhere(service, node, strays) && { shared: true as const }),
    ...(held !== null && typeof status?.foundAs === 'number' && { foundAs: status.foundAs }),
  }
  const ignored = { ...common, state: 'ignored', uid: `ignored.${held}` } as const
  const stop = { ...common, state: 'request_stop', uid: `stop.${held}` } as const
  if (status === null || isIgnored(view)) {
    if (held === null) return null
    return isLeftover(view, service, node) ? stop : ignored
  }
  if (held !== null && isProbed(service)) {
    if (isGoneFrom(node, service)) return stop
    if (saidOf(node, service) !== null && isLeftover(view, service, node)) return stop
    // What has come alive meanwhile, and is not told of yet, is left running by this order; what has not is ended.
    return isForsaken(node, service) ? { ...common, state: 'freeze', uid: `half.${held}` } : ignored
  }
  const target = liveTargetOf(service)
  if (target === node.name && held !== null) {
    const move = moveHalf(view, service, node, target)
    return { ...common, state: 'migrate', uid: status.uid, target, move }
  }
  const state = orderStateOf[status.state]
  if (status.node === node.name && state !== null)
    return { ...common, state, ...orderInPlace(view, service, node) }
  // It holds a grant that it is no longer to use: it stops, and says so.
  if (held !== null) return mayEndHalf(view, service, node) ? stop : ignored
  if (grant === null || !strays.includes(node.name)) return null
  // It says that it runs what is granted to another node: two copies, of which this one has no right to be.
  return { ...common, state: 'stopped', uid: `stray.${grant.generation}` }
}

/** What an order says besides, where the service is. */
function orderInPlace(
  view: ClusterView,
  service: ServiceView,
  node: NodeView,
): Partial<Order> & Pick<Order, 'uid' | 'restart'> {
  const { uid, state, target, restart } = service.status!
  return {
    ...{ uid, restart: state === 'started' && restart },
    ...(target !== null && { target }),
    ...(state === 'migrate' && target && { move: moveHalf(view, service, node, target) }),
  }
}

/** Another node holds it too, or says that it runs it. */
function isElsewhere({ grant }: ServiceView, node: NodeView, strays: readonly NodeName[]): boolean {
  return otherHolder(grant, node.name) !== undefined || strays.some((name) => name !== node.name)
}

/** As if nothing were managed: what is held is left as it is, and nothing else is said. */
function isIgnored(view: ClusterView): boolean {
  return isHandsOff(view) && view.disarm?.mode === 'ignore'
}

/**
 * Asked for, granted to this node, and not known to run there. SAFETY: it is not told to run it, or it would start a second
 * copy of what was moved away; once it has said that nothing of it is there, it ends its half for good.
 */
function isGoneFrom(node: NodeView, service: ServiceView): boolean {
  return saidOf(node, service)?.length === 0
}

/**
 * What it has waits to come alive, and nobody else holds the grant who could send anything there any more. SAFETY: the last who
 * could may have ended its own because it has all been sent, and been heard before this node was.
 */
function isForsaken(node: NodeView, service: ServiceView): boolean {
  if (otherHolder(service.grant, node.name) !== undefined) return false
  return saidOf(node, service)?.every(({ state }) => state === 'incoming') === true
}

/** What it says that it has of a service, in answer to the question; null: it has not answered yet. */
function saidOf(node: NodeView, { sid, status }: ServiceView) {
  const report = currentReport(node)
  if (report === null || node.lease.revision < status!.probeRound!) return null
  return report.running.filter((one) => one.sid === sid)
}
