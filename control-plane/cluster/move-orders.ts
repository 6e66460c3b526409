// What the two nodes of a live move are told: which half is theirs, and when the source may begin. Derived from the view
// alone. Must never name an address before the target's holder is confirmed and its driver listens (S4).
import type { MoveHalf } from '../../shared/live-move.ts'
import { liveMoveMs } from '../../shared/timing.ts'
import { currentReport, holderOn, holdsNow, otherHolder, reportOn } from './grants.ts'
import type { ClusterView, NodeName, NodeView, ServiceView } from './view.ts'

/** The half of `node` in the live move of `service` to `target`. */
export function moveHalf(
  view: ClusterView,
  service: ServiceView,
  node: NodeView,
  target: NodeName,
): MoveHalf {
  const { status } = service
  const isTarget = node.name === target
  return {
    role: isTarget ? 'target' : 'source',
    peer: isTarget ? (status?.node ?? '') : target,
    address: isTarget ? null : addressOf(view, service, target),
    cancel: status?.moveCancelled === true,
    ...(isHanded(view, service, target, isTarget) && { handed: true as const }),
    timeoutMs: liveMoveMs,
  }
}

/** Where the target listens; null: the source may not begin. */
function addressOf(view: ClusterView, service: ServiceView, name: NodeName): string | null {
  const { grant } = service
  const target = view.nodes[name]
  if (view.planeEpoch.quarantineUntilMs !== null || target === undefined) return null
  const isConfirmed = holdsNow(grant, target) && holderOn(grant, name)?.confirmed === true
  return isConfirmed ? (reportOn(target, service)?.address ?? null) : null
}

/**
 * Whether the other node has done its part of a move that takes two steps. SAFETY: nothing is taken up before the source
 * has said, under the lease it has now, that it sent it off: it can never come alive there again (S4).
 */
function isHanded(
  view: ClusterView,
  service: ServiceView,
  target: NodeName,
  isForTarget: boolean,
): boolean {
  const { status } = service
  const source = reportOn(view.nodes[status?.node ?? ''], service)
  if (source?.state !== 'migrating' || source.sent !== true) return false
  if (isForTarget) return status?.moveCancelled !== true
  return reportOn(view.nodes[target], service)?.state === 'running'
}

/**
 * The half of a service that is managed no more: with its move forgotten, what has not arrived is ended, but not before
 * the other node has said that it moves nothing any more.
 */
export function isLeftover(view: ClusterView, service: ServiceView, node: NodeView): boolean {
  const other = otherHolder(service.grant, node.name)
  if (other === undefined) return false
  const says = (name: NodeName) => reportOn(view.nodes[name], service)?.state
  const mine = says(node.name)
  return mine !== 'running' && mine !== 'migrating' && says(other.node) === 'running'
}

/**
 * Whether `node` may end the half of a move that is no more. SAFETY: what its source may still be moving, or may just have
 * begun to, could come alive where nobody holds it any more, for a job can lie with a daemon that no kill reaches (S4, S16):
 * as long as that one neither said that nothing moves nor ended its own, the half stays open.
 */
export function mayEndHalf(view: ClusterView, service: ServiceView, node: NodeView): boolean {
  const { status, grant } = service
  const source = otherHolder(grant, node.name)
  if (source === undefined || source.node !== status?.node) return true
  // It has arrived, so nothing is on its way.
  if (reportOn(node, service)?.state === 'running') return true
  const says = view.nodes[source.node]
  // One that is to stop closes its own, and until then may not have heard that it is not to begin.
  if (status.state === 'request_stop' || !says || currentReport(says) === null) return false
  const state = reportOn(says, service)?.state
  return state === undefined || state === 'running'
}
