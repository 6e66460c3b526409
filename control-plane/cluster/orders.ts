// What each node is told to do: the desired state as documents, derived from the view and from nothing else.
// Must never name a generation that the node may not use under the lease it has now.
import type { Desired, Order } from '../../shared/protocol.ts'
import type { ServiceState } from '../../shared/service.ts'
import { compareText, currentReport, holderOn, holdsNow } from './grants.ts'
import type { ClusterView, NodeName, NodeView, ServiceView, Sid } from './view.ts'
import { serviceType } from '../../shared/names.ts'

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
  const strays = straysOf(view, Object.keys(documents))
  for (const sid of Object.keys(view.services).sort(compareText)) {
    const service = view.services[sid]!
    for (const name of concerned(service, strays.get(sid))) {
      const order = documents[name] && orderFor(view, service, view.nodes[name]!)
      if (order) documents[name]!.services.push(order)
    }
    if (!isProbed(service)) continue
    for (const name in documents)
      if (view.nodes[name]!.drivers.includes(serviceType(sid))) documents[name]!.probes.push(sid)
  }
  return documents
}

function emptyDocument(view: ClusterView, node: NodeView): DesiredDocument {
  const { planeEpoch, settings, cluster } = view
  return {
    clusterUuid: cluster.uuid,
    nodeUid: node.uid,
    planeEpoch: { number: planeEpoch.number, uuid: planeEpoch.uuid },
    mode: node.maintenanceRequested ? 'maintenance' : 'active',
    timing: settings.timing,
    maxWorkers: settings.maxWorkers,
    onLeaseLoss: settings.onLeaseLoss,
    shutdownPolicy: settings.shutdownPolicy,
    services: [],
    probes: [],
  }
}

/** Before its first grant, and after a time unmanaged: every node is asked whether it runs there. */
function isProbed({ status, grant }: ServiceView): boolean {
  return status?.state === 'request_start' && status.probeRound !== null && grant === null
}

/** Who says that it runs what is granted to others only. */
function straysOf(view: ClusterView, names: readonly NodeName[]): Map<Sid, NodeName[]> {
  const strays = new Map<Sid, NodeName[]>()
  for (const name of names)
    for (const { sid } of currentReport(view.nodes[name]!)?.running ?? []) {
      const grant = view.services[sid]?.grant ?? null
      if (grant !== null && holderOn(grant, name) === undefined)
        strays.set(sid, [...(strays.get(sid) ?? []), name])
    }
  return strays
}

/** Every node that may have an order for this service; mostly one. */
function concerned({ status, grant }: ServiceView, strays: readonly NodeName[] = []): NodeName[] {
  const nodes: NodeName[] = []
  const add = (node: NodeName) => {
    if (!nodes.includes(node)) nodes.push(node)
  }
  if (status?.node) add(status.node)
  if (status?.state === 'migrate' && status.target) add(status.target)
  for (const holder of grant?.holders ?? []) add(holder.node)
  for (const node of strays) add(node)
  return nodes
}

function orderFor(view: ClusterView, service: ServiceView, node: NodeView): Order | null {
  const { sid, config, status, grant } = service
  const held = holdsNow(grant, node) ? grant!.generation : null
  const common = {
    sid,
    generation: held,
    stopTimeoutMs:
      status?.stopTimeoutMs ?? config?.stopTimeoutMs ?? view.settings.timing.stopTimeoutMs,
    restart: false,
    maxRestart: config?.maxRestart ?? 0,
    spec: config?.spec ?? null,
  }
  if (status === null)
    return held === null ? null : { ...common, state: 'ignored', uid: `ignored.${held}` }
  const isItsPlace =
    status.node === node.name || (status.state === 'migrate' && status.target === node.name)
  const state = orderStateOf[status.state]
  if (isItsPlace && state !== null) {
    const restart = status.state === 'started' && status.restart
    const order = { ...common, state, uid: status.uid, restart }
    return status.target === null ? order : { ...order, target: status.target }
  }
  // It holds a grant that it is no longer to use: it stops, and says so.
  if (held !== null) return { ...common, state: 'request_stop', uid: `stop.${held}` }
  if (grant === null || holderOn(grant, node.name)) return null
  // It says that it runs what is granted to another node: two copies, of which this one has no right to be.
  const isReported = currentReport(node)?.running.some((one) => one.sid === sid)
  return isReported ? { ...common, state: 'stopped', uid: `stray.${grant.generation}` } : null
}
