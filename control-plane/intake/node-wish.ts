// What operators wish of a node: maintenance, leaving the roster, and their word that it is dead.
// Pure. The word of a person is evidence (rule 6): what is checked here is checked once more by the statement that revokes.
import { ServiceTable } from '../cluster/service-table.ts'
import { currentReport, unknownOn } from '../cluster/grants.ts'
import { hasSaidOf, takenOverFrom } from '../cluster/taken-over.ts'
import type { ClusterView, NodeName, NodeView, ServiceView, Sid } from '../cluster/view.ts'
import { refuseStranded } from './feasible.ts'
import { refuseInfeasible } from './infeasible.ts'
import { losesQuorum, reporting } from './quorum-wish.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

/** The node, or the refusal that there is none of that name. */
export function knownNode(view: ClusterView, name: NodeName): NodeView | Refusal {
  return view.nodes[name] ?? refuse('unknown-node', `no node ${name} in this cluster`)
}

/** May this node leave the roster? Never while something may still run on it (rule 7). */
export function refuseNodeRemoval(view: ClusterView, name: NodeName): Refusal | null {
  const node = knownNode(view, name)
  if (isRefusal(node)) return node
  const held = heldBy(view, name)
  if (held.length > 0)
    return refuse(
      'grants-open',
      `node ${name} may still run ${held.join(', ')}: move them away, or confirm that it is dead with: ha-manager fence confirm ${name}`,
    )
  const doubt = takenOverDoubt(view, node)
  if (doubt !== null) return refuse('grants-open', doubt)
  const nodes = { ...view.nodes }
  delete nodes[name]
  const rest = { ...view, nodes }
  if (losesQuorum(view, rest))
    return refuse(
      'would-lose-quorum',
      `without node ${name} only ${reporting(rest, view.settings.timing.silentMs)} of ${Object.keys(nodes).length} nodes report: not more than half`,
    )
  return refuseInfeasible(view, rest) ?? refuseStranded(view, rest)
}

/** Why something that is taken over from this node may still run on it, or null. */
function takenOverDoubt(view: ClusterView, node: NodeView): string | null {
  const { name } = node
  const service = Object.values(view.services).find((one) => mayStillHave(one, node))
  if (!service) return null
  const what = `node ${name} may run ${service.sid}, which is taken over from it`
  if (service.status === null)
    return `${what}, and has not been asked yet: it is once the service is managed; or remove the service first`
  return `${what}, and has not said that nothing of it is left there: wait for that (it is asked when the service is to be started), or confirm that it is dead with: ha-manager fence confirm ${name}`
}

/** SAFETY: who was not asked has not answered; and nobody asks for what is not managed, or was added only just now. */
function mayStillHave(service: ServiceView, node: NodeView): boolean {
  const { sid, status } = service
  if (takenOverFrom(service) !== node.name) return false
  if (status === null) return true
  if (status.probeRound === null) return false
  if (!hasSaidOf(service, node, status.probeRound)) return true
  return currentReport(node)?.running.some((one) => one.sid === sid) ?? false
}

/** May a person's word count as evidence that this node is dead? */
export function refuseFenceConfirm(
  view: ClusterView,
  name: NodeName,
  wish: { typedName: string; force: boolean },
): Refusal | null {
  const node = knownNode(view, name)
  if (isRefusal(node)) return node
  if (wish.typedName !== name)
    return refuse('name-mismatch', `to confirm that node ${name} is dead its name must be typed`, [
      { field: 'typedName', message: `must be ${name}` },
    ])
  const silentForMs = node.lease.renewedMs === null ? null : view.nowMs - node.lease.renewedMs
  const { silentMs } = view.settings.timing
  if (node.lease.bootId !== null && silentForMs !== null && silentForMs <= silentMs)
    return refuse(
      'node-renews',
      `node ${name} renewed its lease ${Math.round(silentForMs / 1000)} s ago: it is not dead`,
    )
  if (asksForItself(node, view.nowMs - silentMs))
    return refuse('node-renews', `node ${name} is asking for a lease: it is not dead`)
  if (!isInDoubt(view, node))
    return refuse(
      'nothing-to-confirm',
      `nothing can be running on node ${name}: no grant is open on it`,
    )
  const waitMs = deadlineMs(node) - view.nowMs
  if (waitMs > 0 && !wish.force)
    return refuse(
      'before-deadline',
      `the fence deadline of node ${name} is ${Math.ceil(waitMs / 1000)} s away; wait for it, or use force if the machine is surely off`,
    )
  return null
}

/**
 * Alive is who asked since `sinceMs`, but for a spare machine under its name and a virtual machine that booted again:
 * these say nothing of the one that ran its services. Whoever finds something running is not to be declared dead.
 */
function asksForItself(node: NodeView, sinceMs: number): boolean {
  const { epochRequest, lease, revocations, virtual } = node
  if (epochRequest === null || epochRequest.requestedMs < sinceMs) return false
  if (epochRequest.found.some(({ state }) => state !== 'stopped')) return true
  if (!epochRequest.sameHardware) return false
  const boots = [lease.bootId, ...revocations.map(({ bootId }) => bootId)].filter(Boolean)
  return !virtual || boots.length === 0 || boots.includes(epochRequest.bootId)
}

/** Something waits for a word about this node: a grant, a quarantine, or a service it last said it runs. */
function isInDoubt(view: ClusterView, node: NodeView): boolean {
  const { number, quarantineUntilMs } = view.planeEpoch
  const isAwaited = quarantineUntilMs !== null && node.lease.attestedPlaneEpoch !== number
  if (
    isAwaited ||
    heldBy(view, node.name).length > 0 ||
    unknownOn(new ServiceTable(view.services), node).length > 0
  )
    return true
  return Object.values(view.services).some((service) => isAwaitedBy(service, node))
}

/** The service is frozen with it, was taken over from it, or asks the whole roster where it runs. */
function isAwaitedBy(service: ServiceView, { name, lease }: NodeView): boolean {
  const { status } = service
  if (status?.state === 'freeze' && status.node === name) return lease.vouchedRound === null
  const isAsked = status?.probesRoster === true || takenOverFrom(service) === name
  return isAsked && (status?.probeRound ?? 0) > (lease.vouchedRound ?? 0)
}

/** Services that may be running on this node: it holds their grants. */
export function heldBy(view: ClusterView, name: NodeName): Sid[] {
  return Object.values(view.services)
    .filter((service) => service.grant?.holders.some((holder) => holder.node === name))
    .map((service) => service.sid)
}

function deadlineMs(node: NodeView): number {
  const revoked = node.revocations.map((revocation) => revocation.judgedUntilMs)
  return Math.max(node.lease.judgedUntilMs, ...revoked)
}
