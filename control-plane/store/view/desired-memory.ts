// Which nodes' desired documents may differ from those of the round before. A document follows from the node, its
// services and a few facts about the cluster: where none of them is another than it was, it is the same, and making it
// again from thousands of services would only show that. Must err on the side of making it again.
import type { ClusterView, NodeName, NodeView, ServiceView } from '../../cluster/view.ts'
import { managedDigest } from './managed-digest.ts'

export type DesiredMemory = {
  common: string
  managed: string
  nodes: Record<NodeName, { facts: string; report: NodeView['report'] }>
  services: Record<string, ServiceView>
  digests: Record<NodeName, string>
}

/** Digest of the services that nodes are to keep start gates for; the same services have the same. */
export function managedIn(memory: DesiredMemory | null, view: ClusterView): string {
  return memory?.services === view.services ? memory.managed : managedDigest(view)
}

/**
 * The nodes of `view` whose documents must be made (again).
 * @param stored digests of the documents as the database has them: what was not saved is not known
 * @param managed of `managedIn`
 */
export function nodesToWrite(
  memory: DesiredMemory | null,
  view: ClusterView,
  stored: Record<NodeName, string>,
  managed: string,
): NodeName[] {
  const names = Object.keys(view.nodes)
  if (memory === null || memory.common !== commonOf(view)) return names
  if (memory.managed !== managed) return names
  const concerned: Concerned = { nodes: new Set(), sids: new Set() }
  if (addServices(concerned, memory.services, view.services) === 'all') return names
  addReports(concerned, memory, view)
  addTellers(concerned, view)
  const { nodes } = concerned
  return names.filter((name) => nodes.has(name) || memory.digests[name] !== stored[name])
}

/** What to remember of a view whose documents have these digests. */
export function remember(
  view: ClusterView,
  digests: Record<NodeName, string>,
  managed: string,
): DesiredMemory {
  const nodes: DesiredMemory['nodes'] = {}
  for (const name in view.nodes) {
    const node = view.nodes[name]!
    nodes[name] = { facts: factsOf(node), report: node.report }
  }
  return { common: commonOf(view), managed, nodes, services: view.services, digests }
}

/** Everything of the cluster but its nodes, services, and what changes with every round. */
function commonOf(view: ClusterView): string {
  const { cluster, planeEpoch, settings, disarm } = view
  const drills = view.clusterCommands.filter(({ kind }) => kind === 'drill')
  const common = [cluster, planeEpoch.number, planeEpoch.uuid, settings, disarm]
  return JSON.stringify([...common, drills.map(({ uid, node, status }) => [uid, node, status])])
}

/** Everything of a node but what only its renewals and its report say. */
function factsOf(node: NodeView): string {
  const { lease, report: _, usage: __, note: ___, sinceMs: ____, health, ...all } = node
  const { usageMs: _____, healthMs: ______, toldEnd: _______, ...facts } = all
  const drill = health?.drill?.uid ?? null
  return JSON.stringify([facts, lease.epoch, lease.bootId, lease.mode, health != null, drill])
}

/** `sids`: of whatever a node says of these it is told, and so are the others that say it. */
type Concerned = { nodes: Set<NodeName>; sids: Set<string> }

/** Nodes named by any service that is not the same as before; `all`: one asks every node whether it runs there. */
function addServices(
  { nodes, sids }: Concerned,
  before: Record<string, ServiceView>,
  after: Record<string, ServiceView>,
): 'all' | null {
  if (before === after) return null
  for (const sid in before)
    if (after[sid] === undefined) {
      sids.add(sid)
      if (addNodes(nodes, before[sid]!)) return 'all'
    }
  for (const sid in after) {
    const [old, now] = [before[sid], after[sid]!]
    if (old === now) continue
    const isSame =
      old?.config === now.config && old?.status === now.status && old?.grant === now.grant
    if (isSame) continue
    sids.add(sid)
    if ((old && addNodes(nodes, old)) || addNodes(nodes, now)) return 'all'
  }
  return null
}

/**
 * Nodes that have said something new, and those that are told of it: what a node says of a service may be what another
 * one waits for with it, or why that one must not start it (a second copy, a half of a move).
 */
function addReports(
  concerned: Concerned,
  { nodes: before, services }: DesiredMemory,
  view: ClusterView,
) {
  const others = new Set<NodeName>()
  for (const name in view.nodes) {
    const node = view.nodes[name]!
    const known = before[name]
    const isOther = known?.facts !== factsOf(node)
    if (known?.report === node.report && !isOther) continue
    concerned.nodes.add(name)
    if (isOther) others.add(name)
    // Both what it says now and what it has ceased to say; or says under another lease, by which it counts or does not.
    for (const { sid } of [...runningIn(known?.report), ...runningIn(node.report)]) {
      const service = view.services[sid] ?? services[sid]
      if (!service) continue
      addNodes(concerned.nodes, service)
      const isGranted = service.grant?.holders.some((holder) => holder.node === name)
      if (!isGranted) concerned.sids.add(sid)
    }
  }
  // Under another lease a node has said nothing yet: also that is waited for by whoever holds a half of the same service.
  if (others.size === 0) return
  for (const sid in view.services) {
    const holders = view.services[sid]!.grant?.holders ?? []
    if (holders.length > 1 && holders.some(({ node }) => others.has(node)))
      addNodes(concerned.nodes, view.services[sid]!)
  }
}

/** Nodes that say anything of a service of which something is another: granted to others, it is a second copy. */
function addTellers({ nodes, sids }: Concerned, view: ClusterView): void {
  if (sids.size === 0) return
  for (const name in view.nodes)
    if (!nodes.has(name) && runningIn(view.nodes[name]!.report).some(({ sid }) => sids.has(sid)))
      nodes.add(name)
}

function runningIn(report: NodeView['report'] | undefined) {
  return report?.running ?? []
}

/** Adds the nodes a service names; true when it concerns all of them. */
function addNodes(nodes: Set<NodeName>, { status, grant }: ServiceView): boolean {
  if (status?.probeRound != null) return true
  if (status?.node) nodes.add(status.node)
  if (status?.target) nodes.add(status.target)
  for (const holder of grant?.holders ?? []) nodes.add(holder.node)
  return false
}
