// Which nodes a service loads, as loads are counted (reference 2.15.1). Pure.
import type { NodeName, ServiceStatus } from './view.ts'

/** What its node uses includes it already, if it uses anything: it was confirmed running there, or must have been. */
export function isMeasuredWithNode({ state, running }: ServiceStatus): boolean {
  return state === 'started' ? running : state !== 'request_start_balance'
}

/** Asks `count` for each node that it loads, once. */
export function eachLoadedNode(
  { state, node, target }: ServiceStatus,
  count: (node: NodeName) => void,
): void {
  if (state === 'stopped' || state === 'request_start') return
  if (node !== null && state !== 'request_start_balance') count(node)
  if (target !== null && target !== node) count(target)
}
