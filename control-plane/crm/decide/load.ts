// Which nodes a service loads: the whole of basic scoring (the number of services that load a node; fewer is better).
import type { NodeName, ServiceStatus } from '../../cluster/view.ts'

const none: readonly NodeName[] = []

/** The nodes that carry this service now or are about to. A stopped one loads nothing. */
export function loadedNodes(status: ServiceStatus): readonly NodeName[] {
  const { state, node, target } = status
  if (state === 'stopped' || state === 'request_start') return none
  if (state === 'request_start_balance') return target === null ? none : [target]
  if (node === null) return target === null ? none : [target]
  return target === null ? [node] : [node, target]
}
