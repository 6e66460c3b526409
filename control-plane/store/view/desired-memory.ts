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
  const changed = concernedByServices(memory.services, view.services)
  if (changed === 'all') return names
  for (const name of concernedByReports(memory, view)) changed.add(name)
  return names.filter((name) => changed.has(name) || memory.digests[name] !== stored[name])
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

/** Nodes named by any service that is not the same as before; `all`: one asks every node whether it runs there. */
function concernedByServices(
  before: Record<string, ServiceView>,
  after: Record<string, ServiceView>,
): Set<NodeName> | 'all' {
  const nodes = new Set<NodeName>()
  if (before === after) return nodes
  for (const sid in before)
    if (after[sid] === undefined && addNodes(nodes, before[sid]!)) return 'all'
  for (const sid in after) {
    const [old, now] = [before[sid], after[sid]!]
    if (old === now) continue
    const isSame =
      old?.config === now.config && old?.status === now.status && old?.grant === now.grant
    if (isSame) continue
    if ((old && addNodes(nodes, old)) || addNodes(nodes, now)) return 'all'
  }
  return nodes
}

/**
 * Nodes that have said something new, and those that are told of it: what a node says of a service may be what another
 * one waits for with it, or why that one must not start it (a second copy, a half of a move).
 */
function concernedByReports({ nodes: before, services }: DesiredMemory, view: ClusterView) {
  const concerned = new Set<NodeName>()
  const strays = new Set<string>()
  for (const name in view.nodes) {
    const node = view.nodes[name]!
    const known = before[name]
    if (known?.report === node.report && known.facts === factsOf(node)) continue
    concerned.add(name)
    // Both what it says now and what it has ceased to say; or says under another lease, by which it counts or does not.
    for (const { sid } of [...runningIn(known?.report), ...runningIn(node.report)]) {
      const service = view.services[sid] ?? services[sid]
      if (!service) continue
      addNodes(concerned, service)
      if (!service.grant?.holders.some((holder) => holder.node === name)) strays.add(sid)
    }
  }
  // Of copies that nobody granted each is told of the others.
  if (strays.size > 0)
    for (const name in view.nodes)
      if (runningIn(view.nodes[name]!.report).some(({ sid }) => strays.has(sid)))
        concerned.add(name)
  return concerned
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
