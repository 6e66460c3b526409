// A service that is taken over from a node: what somebody has started there by hand no grant speaks of, so only that node can
// say what is there (rule 7). Pure. Must never take for its word what an agent said that could not look.
import { serviceType } from '../../shared/names.ts'
import { currentReport } from './grants.ts'
import type { NodeName, NodeView, ServiceView } from './view.ts'

type TakenOver = Pick<ServiceView, 'sid' | 'config' | 'lastGeneration'>

/**
 * The node whose answer comes before any start, or null. It counts until the first grant that came after it was said: since
 * then grants tell where the service may be, and that node is one like the others.
 */
export function takenOverFrom({ config, lastGeneration }: TakenOver): NodeName | null {
  if (config === null || (lastGeneration ?? 0) > (config.adoptedAfter ?? 0)) return null
  return config.adoptedFrom ?? null
}

/** Whether its agent has a driver that could look for it. */
export function canLook(node: NodeView, { sid }: Pick<ServiceView, 'sid'>): boolean {
  return node.drivers.includes(serviceType(sid))
}

/** It said what it runs after it was asked in `probeRound`; or a person vouched for its death after that. */
export function hasSaid(node: NodeView, probeRound: number): boolean {
  return isVouchedFor(node, probeRound) || isHeard(node, probeRound)
}

/**
 * The same of one service. SAFETY: where it is taken over from this node, and its agent has no driver of that kind, the agent
 * did not look: whatever it said, nobody has answered.
 */
export function hasSaidOf(service: TakenOver, node: NodeView, probeRound: number): boolean {
  if (isVouchedFor(node, probeRound)) return true
  if (takenOverFrom(service) === node.name && !canLook(node, service)) return false
  return isHeard(node, probeRound)
}

function isVouchedFor({ lease }: NodeView, probeRound: number): boolean {
  return lease.vouchedRound !== null && lease.vouchedRound >= probeRound
}

function isHeard(node: NodeView, probeRound: number): boolean {
  return node.lease.revision >= probeRound && currentReport(node) !== null
}
