// Whether each change begins where its subject really was, and goes where it may. The edges are written down here once
// more, from the reference and from what we do otherwise, so that no table of the product judges itself.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'

const edgesOfServices: Record<string, string> = {
  request_start: 'started request_start_balance request_stop stopped freeze',
  request_start_balance: 'started request_stop fence freeze',
  started: 'request_stop migrate relocate freeze fence error',
  request_stop: 'stopped freeze fence error started',
  stopped: 'request_start freeze started request_stop fence migrate relocate',
  migrate: 'started relocate request_stop fence error',
  relocate: 'started request_stop fence error',
  fence: 'recovery started request_stop',
  recovery: 'started request_stop stopped',
  freeze: 'started request_start request_stop',
  error: 'request_stop stopped',
}

const edgesOfNodes: Record<string, string> = {
  online: 'maintenance unknown',
  maintenance: 'online unknown fence',
  unknown: 'online maintenance fence gone',
  fence: 'unknown',
  gone: 'unknown',
}

/** What is wrong with the steps of one commit, as sentences. */
export function edgeFaults(before: ClusterState, changes: readonly Change[]): string[] {
  const faults: string[] = []
  const services = new Map<string, string>()
  const nodes = new Map<string, string>()
  for (const { status, sid } of Object.values(before.services))
    if (status) services.set(sid, status.state)
  for (const { view, isRemoved } of Object.values(before.nodes))
    if (!isRemoved) nodes.set(view.name, view.state)
  const step = (
    known: Map<string, string>,
    edges: Record<string, string>,
    [subject, from, to]: [string, string, string],
  ) => {
    const was = known.get(subject)
    if (was !== from) faults.push(`${subject} goes from ${from} to ${to}, and was ${was}`)
    if (!edges[from]?.split(' ').includes(to)) faults.push(`${subject} goes from ${from} to ${to}`)
    known.set(subject, to)
  }
  for (const change of changes)
    if (change.kind === 'service.state')
      step(services, edgesOfServices, [change.sid, change.from, change.to])
    else if (change.kind === 'service.added') services.set(change.sid, change.status.state)
    else if (change.kind === 'node.state')
      step(nodes, edgesOfNodes, [change.node, change.from, change.to])
  return faults
}
