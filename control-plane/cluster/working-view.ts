// A view that changes are being applied to. Taking one up costs nothing, however large the cluster is: services are laid
// over (service-table.ts), nodes are copied before the first of them is replaced. Must never change the view it was made of.
import { ServiceTable } from './service-table.ts'
import type { ClusterView, NodeName, NodeView } from './view.ts'

export type WorkingView = Omit<ClusterView, 'services' | 'nodes'> & {
  services: ServiceTable
  /** Written by `setNode` only. */
  nodes: Readonly<Record<NodeName, NodeView>>
  /** How many times a node was replaced. From the first time on `nodes` is a copy of its own. */
  nodesReplaced: number
}

/** A view whose containers are its own once they are written to; the records in them stay shared until one is replaced. */
export function startWorkingView(view: ClusterView): WorkingView {
  return { ...view, services: new ServiceTable(view.services), nodesReplaced: 0 }
}

/** The outcome as plain data. */
export function finishWorkingView(view: WorkingView): ClusterView {
  const { nodesReplaced: _, ...plain } = view
  return { ...plain, services: view.services.toRecord() }
}

/** Puts `node` in the place of the one of its name. */
export function setNode(view: WorkingView, node: NodeView): void {
  if (view.nodesReplaced === 0) view.nodes = { ...view.nodes }
  view.nodesReplaced += 1
  const nodes: Record<NodeName, NodeView> = view.nodes
  nodes[node.name] = node
}
