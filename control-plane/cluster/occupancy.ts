// Which nodes a service occupies, by its status: what it loads, and what counts for its partners. Pure lookups.
import type { NodeName, ServiceStatus, ServiceView } from './view.ts'

type Place = Pick<ServiceStatus, 'state' | 'node' | 'target'>

type Occupant = Pick<ServiceView, 'status' | 'grant'>

const none: readonly NodeName[] = []

/** The nodes that carry this service now or are about to. A stopped one loads nothing (reference 2.15.1). */
export function usedNodes({ state, node, target }: Place): readonly NodeName[] {
  if (state === 'stopped' || state === 'request_start') return none
  if (state === 'request_start_balance') return target === null ? none : [target]
  if (node === null) return target === null ? none : [target]
  return target === null ? [node] : [node, target]
}

/** The nodes that others have to keep away from: those it uses, and those where it may still run, managed or not. */
export function occupiedNodes({ status, grant }: Occupant): readonly NodeName[] {
  const used = status === null ? none : usedNodes(status)
  const held = grant?.holders.filter((holder) => !used.includes(holder.node)) ?? []
  return held.length === 0 ? used : [...used, ...held.map((holder) => holder.node)]
}

/** Is `node` one of those? */
export function occupies({ status, grant }: Occupant, node: NodeName): boolean {
  if (status !== null) {
    const { state, target } = status
    const isPlaced = state !== 'stopped' && state !== 'request_start'
    if (isPlaced && target === node) return true
    if (isPlaced && state !== 'request_start_balance' && status.node === node) return true
  }
  return grant !== null && grant.holders.some((holder) => holder.node === node)
}

/** Is it on `node` to stay, or on its way to it? One that only leaves it is not. */
export function staysOn({ status, grant }: Occupant, node: NodeName): boolean {
  if (status !== null) return headingTo(status) === node
  return grant?.holders.some((holder) => holder.node === node) === true
}

/** The node that it will be on when what is under way is over; null: it occupies none. */
export function headingTo({ state, node, target }: Place): NodeName | null {
  if (state === 'stopped' || state === 'request_start') return null
  return target ?? (state === 'request_start_balance' ? null : node)
}
