// Which nodes a service occupies, by its status: what it loads, and what counts for its partners. Pure lookups.
import type { NodeName, ServiceStatus } from './view.ts'

type Place = Pick<ServiceStatus, 'state' | 'node' | 'target'>

const none: readonly NodeName[] = []

/** The nodes that carry this service now or are about to. A stopped one loads nothing (reference 2.15.1). */
export function usedNodes({ state, node, target }: Place): readonly NodeName[] {
  if (state === 'stopped' || state === 'request_start') return none
  if (state === 'request_start_balance') return target === null ? none : [target]
  if (node === null) return target === null ? none : [target]
  return target === null ? [node] : [node, target]
}

/** The node that it will be on when what is under way is over; null: it occupies none. */
export function headingTo({ state, node, target }: Place): NodeName | null {
  if (state === 'stopped' || state === 'request_start') return null
  return target ?? (state === 'request_start_balance' ? null : node)
}
