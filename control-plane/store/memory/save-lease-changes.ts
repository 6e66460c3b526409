// What a plan does to leases, evidence and grants in the memory store: the statements of store/save-lease-changes.ts with
// the guards of the schema. SAFETY: these conditions are those of Postgres, no more and no less; test/store compares.
import { fenceAfterMs } from '../../../shared/timing.ts'
import type { Change } from '../../cluster/change.ts'
import { withoutHolder } from '../../cluster/grants.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { fenceOrderOf, judgedDeadlineMs } from '../save-lease-changes.ts'
import { StalePlan } from '../stale-plan.ts'
import { type ClusterState, holdersOf, type StoredNode, withDeath, withNode } from './state.ts'

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>

/** A statement that the schema refuses: a bug of whoever made the plan, and its round fails. */
export class SchemaRefusal extends Error {
  override name = 'SchemaRefusal'
}

export function saveLeaseChange(
  state: ClusterState,
  view: ClusterView,
  change: Change,
  nowMs: number,
): ClusterState {
  switch (change.kind) {
    case 'lease.revoked':
      return revoke(state, view, change, nowMs)
    case 'lease.opened':
      return open(state, view, change, nowMs)
    case 'fence.ordered':
      return orderFence(state, view, change, nowMs)
    case 'node.challenged':
      return challenge(state, view, change)
    case 'evidence.recorded':
      return recordEvidence(state, view, change, nowMs)
    case 'grant.opened':
    case 'grant.adopted':
    case 'grant.shared':
      return grant(state, view, change, nowMs)
    default:
      return state
  }
}

function revoke(
  state: ClusterState,
  view: ClusterView,
  change: Of<'lease.revoked'>,
  nowMs: number,
): ClusterState {
  const node = rowOf(state, view, change.node)
  const { lease } = node.view
  const isExpired = lease.leaseUntilMs <= nowMs
  const heardMs = Math.max(lease.renewedMs ?? 0, lease.reportedMs ?? 0)
  const isSilent = heardMs <= nowMs - view.settings.timing.silentMs
  const isOvertaken =
    (change.mode === 'expired' && !isExpired) || (change.mode === 'silent' && !isSilent)
  if (lease.epoch !== change.epoch || isOvertaken)
    throw new StalePlan(
      `lease epoch ${change.epoch} of ${change.node} was renewed or revoked meanwhile`,
    )
  return withNode(state, endEpoch(state, node, nowMs))
}

/** The node's row with its lease epoch ended, and the revocation on record. */
export function endEpoch(state: ClusterState, node: StoredNode, nowMs: number): StoredNode {
  const { lease } = node.view
  const { epoch, bootId, leaseUntilMs, guarded, renewedMs } = lease
  const revocation = {
    ...{ epoch, bootId, leaseUntilMs, guarded, renewedMs },
    ...{ refuted: false, revokedMs: nowMs },
  }
  const next = Math.max(epoch + 1, state.numberFloor)
  const ended = { epoch: next, bootId: null, armed: false, guarded: null, releasedMs: null }
  return {
    ...node,
    seq: 0,
    revocations: [...node.revocations, revocation],
    view: { ...node.view, lease: { ...lease, ...ended } },
  }
}

function open(
  state: ClusterState,
  view: ClusterView,
  change: Of<'lease.opened'>,
  nowMs: number,
): ClusterState {
  const node = rowOf(state, view, change.node)
  const { lease, epochRequest } = node.view
  if (lease.bootId !== null) throw new StalePlan(`another boot of ${change.node} holds its lease`)
  const asked = epochRequest?.bootId === change.bootId ? node.request : null
  if (!epochRequest || !asked)
    throw new StalePlan(`${change.node} asks no more under boot ${change.bootId}`)
  let { services } = state
  for (const { sid, generation } of change.adopts) {
    const service = services[sid]
    const held = service?.grant?.generation === generation ? service.grant : null
    if (!service || !held?.holders.some((holder) => holder.node === change.node))
      throw new StalePlan(`${sid} on ${change.node} cannot be adopted`)
    const holders = held.holders.map((holder) =>
      holder.node === change.node ? { ...holder, epoch: lease.epoch, confirmed: true } : holder,
    )
    services = { ...services, [sid]: { ...service, grant: { ...held, holders } } }
  }
  const left = holdersOf({ ...state, services }, change.node)
  if (left.some(({ holder }) => holder.epoch !== lease.epoch))
    throw new SchemaRefusal(`node ${change.node} gets no new lease epoch while older are open`)
  const leaseUntilMs = Math.max(lease.leaseUntilMs, nowMs + fenceAfterMs(view.settings.timing))
  const opened = {
    ...lease,
    ...{ bootId: change.bootId, armed: false, guarded: null, releasedMs: null, renewedMs: null },
    ...{ vouchedRound: null, mode: 'active' as const, leaseUntilMs, judgedUntilMs: leaseUntilMs },
  }
  const { drivers, capacity, watchdog, virtual } = asked.facts
  const next: StoredNode = {
    ...node,
    hardwareId: asked.hardwareId,
    seq: 0,
    reportDigest: '',
    openedSentMs: asked.sentMs,
    openedNonce: epochRequest.nonce,
    request: null,
    view: {
      ...node.view,
      ...{ drivers, capacity, watchdog, virtual },
      lease: opened,
      challenge: null,
      epochRequest: null,
    },
  }
  return withNode({ ...state, services }, next)
}

function orderFence(
  state: ClusterState,
  view: ClusterView,
  change: Of<'fence.ordered'>,
  nowMs: number,
): ClusterState {
  const node = rowOf(state, view, change.node)
  const { epoch, attempt, uid } = change
  if (!node.revocations.some((one) => one.epoch === epoch))
    throw new SchemaRefusal(`lease epoch ${epoch} of ${change.node} is not revoked`)
  const fenceOrder = { epoch, attempt, uid, orderedMs: nowMs, report: null }
  return withNode(state, { ...node, view: { ...node.view, fenceOrder } })
}

function challenge(
  state: ClusterState,
  view: ClusterView,
  change: Of<'node.challenged'>,
): ClusterState {
  const node = rowOf(state, view, change.node)
  const { bootId, nonce, questions } = change
  const { epoch } = node.view.lease
  const asked = { epoch, bootId, nonce, questions, waitsFor: '' }
  return withNode(state, { ...node, view: { ...node.view, challenge: asked } })
}

function recordEvidence(
  state: ClusterState,
  view: ClusterView,
  change: Of<'evidence.recorded'>,
  nowMs: number,
): ClusterState {
  const node = rowOf(state, view, change.node)
  const { scope, epoch, evidence } = change
  const revocation = node.revocations.find((one) => one.epoch === epoch)
  if (evidence !== 'agent-stopped' && !revocation)
    throw new SchemaRefusal(`${evidence}: lease epoch ${epoch} of ${change.node} is not revoked`)
  const judgedMs = judgedDeadlineMs(change)
  if (revocation && judgedMs !== null && judgedMs !== revocation.leaseUntilMs)
    throw new StalePlan(`${change.node} renewed epoch ${change.epoch} meanwhile`)
  const isPast = revocation !== undefined && revocation.leaseUntilMs <= nowMs
  if (evidence === 'watchdog-deadline' && !(revocation?.guarded === true && isPast))
    throw new SchemaRefusal(`the watchdog of ${change.node} proves nothing for epoch ${epoch}`)
  const order = fenceOrderOf(change)
  const isReportedOff = (node.fenceReports ?? []).some(
    (one) => one.order === order && one.epoch === epoch && one.outcome === 'off',
  )
  if (evidence === 'device-off' && !isReportedOff)
    throw new SchemaRefusal(`nothing says that ${change.node} was off by order ${order}`)
  const isScoped = evidence === 'agent-stopped' || evidence === 'never-confirmed'
  if (isScoped !== (scope !== null)) throw new SchemaRefusal(`${evidence} has the wrong scope`)
  const held = holdersOf(state, change.node).filter(
    ({ service, generation, holder }) =>
      holder.epoch === epoch &&
      (scope === null || (service.sid === scope.sid && generation === scope.generation)),
  )
  if (scope !== null && held.length === 0)
    throw new StalePlan(`no open holder of ${scope.sid} on ${change.node} to close`)
  // A confirm that came in before its revocation: the plan was made from a view without it.
  if (evidence === 'never-confirmed' && held.some(({ holder }) => holder.confirmed))
    throw new StalePlan(`${scope?.sid} was confirmed on ${change.node} meanwhile`)
  const known =
    scope === null ? withNode(state, withDeath(node, { epoch, evidence, order })) : state
  return closeHolders(
    known,
    change.node,
    epoch,
    held.map(({ service }) => service.sid),
  )
}

/** Closes the holders (node, epoch) of these services, and the grants that thereby have none left. */
export function closeHolders(
  state: ClusterState,
  node: string,
  epoch: number,
  sids: string[],
): ClusterState {
  const services = { ...state.services }
  for (const sid of sids) {
    const closed = withoutHolder(services[sid]!, node, epoch)
    // Whether it runs is the CRM's status, and saved with that.
    services[sid] = { ...closed, status: services[sid]!.status }
  }
  return { ...state, services }
}

function grant(
  state: ClusterState,
  view: ClusterView,
  change: Of<'grant.opened' | 'grant.adopted' | 'grant.shared'>,
  nowMs: number,
): ClusterState {
  const { sid, generation, epoch } = change
  const { lease } = rowOf(state, view, change.node).view
  const service = state.services[sid] ?? {
    ...{ sid, config: null, status: null, grant: null, everGranted: false },
  }
  const isCurrent = lease.epoch === epoch && lease.bootId !== null && lease.leaseUntilMs > nowMs
  if (!isCurrent)
    throw new SchemaRefusal(`a grant is opened only under a current lease (${sid}, ${change.node})`)
  const last = state.lastGenerations[sid] ?? 0
  if (generation <= last) throw new SchemaRefusal(`${sid} had number ${generation} already`)
  const holder = { node: change.node, epoch, confirmed: change.kind === 'grant.adopted' }
  const { grant } = service
  const lastGenerations = { ...state.lastGenerations, [sid]: generation }
  if (change.kind !== 'grant.shared') {
    if (grant !== null) throw new SchemaRefusal(`${sid} has an open grant already`)
    const opened = { generation, holders: [holder] }
    return { ...withService(state, { ...service, grant: opened }), lastGenerations }
  }
  if (grant?.holders.length !== 1 || grant.holders[0]?.node === change.node)
    throw new SchemaRefusal(`${sid}: its grant cannot be shared with ${change.node}`)
  const shared = { ...grant, holders: [...grant.holders, { ...holder, generation }] }
  return { ...withService(state, { ...service, grant: shared }), lastGenerations }
}

function withService(state: ClusterState, service: ClusterState['services'][string]) {
  return { ...state, services: { ...state.services, [service.sid]: service } }
}

function rowOf(state: ClusterState, view: ClusterView, name: string): StoredNode {
  const node = state.nodes[view.nodes[name]?.uid ?? '']
  if (!node) throw new StalePlan(`node ${name} is no member`)
  return node
}
