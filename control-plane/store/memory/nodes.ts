// What agents ask of the memory store but for leases: the conditions of store/nodes.ts and store/desired.ts.
// Pure: a state in, a state or an answer out.
import type { EpochRequest, JoinRequest } from '../../../shared/protocol.ts'
import { planeClaim } from '../../lease/why-not.ts'
import { compareText } from '../../cluster/grants.ts'
import { isManaged } from '../../cluster/managed.ts'
import type { StoredDesired } from '../desired.ts'
import type { StoredManaged } from '../managed.ts'
import type { HealthRow } from '../node-health.ts'
import type { UsageRow } from '../node-usage.ts'
import type { EpochStanding, Joined, JoinRefusal, KnownNode } from '../nodes.ts'
import { hashSecret } from '../secrets.ts'
import { mostManaged } from '../view/managed-digest.ts'
import {
  type ClusterState,
  holdersOf,
  nodeNamed,
  type ServerIdentity,
  type StoredNode,
  withNode,
} from './state.ts'

/** The node a credential belongs to, or null. */
export function findNode(state: ClusterState, credential: string): KnownNode | null {
  const hash = hashSecret(credential)
  for (const node of Object.values(state.nodes))
    if (node.credentialHash === hash && !node.isRemoved) return knownNode(state, node)
  return null
}

function knownNode(state: ClusterState, { view }: StoredNode): KnownNode {
  const { id, name, uuid } = state.cluster
  return {
    ...{ nodeUid: view.uid, name: view.name },
    ...{ clusterId: id, clusterName: name, clusterUuid: uuid, timing: state.settings.timing },
  }
}

export type NewIdentity = { nodeUid: string; credential: string }

/** Admits a new node, or says why not; a token used up is used up. */
export function join(
  state: ClusterState,
  request: JoinRequest,
  /** Draws who it is to be, once it is admitted. */
  draw: () => NewIdentity,
  nowMs: number,
): { state: ClusterState; answer: Joined | JoinRefusal } {
  const refuse = (answer: JoinRefusal) => ({ state, answer })
  const hash = hashSecret(request.joinToken)
  const token = state.tokens.find(
    (one) => one.hash === hash && one.usesLeft > 0 && one.expiresMs > nowMs,
  )
  if (!token) return refuse('bad-token')
  if (token.node !== null && token.node !== request.node) return refuse('wrong-name')
  if (nodeNamed(state, request.node))
    return refuse(holdersOf(state, request.node).length > 0 ? 'open-grants' : 'name-taken')
  const tokens = state.tokens.map((one) =>
    one === token ? { ...one, usesLeft: one.usesLeft - 1 } : one,
  )
  const identity = draw()
  const node = newNode(request, identity, nowMs)
  const { credential } = identity
  return {
    state: { ...withNode(state, node), tokens },
    answer: { node: knownNode(state, node), credential },
  }
}

function newNode(request: JoinRequest, identity: NewIdentity, nowMs: number): StoredNode {
  const { node: name, hardwareId, drivers, capacity, watchdog, virtual } = request
  return {
    view: {
      ...{ uid: identity.nodeUid, name, drivers, capacity, watchdog, virtual },
      ...{ maintenanceRequested: false, state: 'unknown', sinceMs: nowMs, note: '', toldEnd: '' },
      lease: {
        ...{ epoch: 1, bootId: null, leaseUntilMs: nowMs, judgedUntilMs: nowMs },
        ...{ renewedMs: null, reportedMs: null, armed: false, guarded: null, releasedMs: null },
        ...{
          revision: 0,
          attestedPlaneEpoch: 0,
          vouchedRound: null,
          lrmState: 'wait_for_agent_lock',
          mode: 'active',
        },
      },
      ...{ revocations: [], report: null, epochRequest: null, challenge: null },
    },
    hardwareId,
    credentialHash: hashSecret(identity.credential),
    ...{ isRemoved: false, hasStatus: false, seq: 0, reportDigest: '', reportRevision: null },
    ...{
      openedSentMs: null,
      openedNonce: null,
      request: null,
      revocations: [],
      desired: null,
      usage: null,
      health: null,
    },
  }
}

/** Writes down a node's request for an epoch, and what it remembers of a lost history. */
export function requestEpoch(
  state: ClusterState,
  request: EpochRequest,
  nowMs: number,
): ClusterState {
  const node = state.nodes[request.nodeUid]
  if (!node) return state
  const isTaken = !isOvertaken(node, request) && replacesPending(node, request)
  const next = refute(isTaken ? withRequest(node, request, nowMs) : node, request.bootId, nowMs)
  const claim = isTaken && planeClaim(request.planeEpoch, state.planeEpoch)
  const known = withNode(state, next)
  return claim ? claimRegress(known, request, claim) : known
}

/** One that was overtaken must not end the epoch its successor was given. */
function isOvertaken({ view, openedSentMs, openedNonce }: StoredNode, request: EpochRequest) {
  if (view.lease.bootId !== request.bootId) return false
  const isOlder = openedSentMs !== null && openedSentMs >= request.sentMs
  return isOlder || (openedNonce !== null && openedNonce === request.nonce)
}

function replacesPending({ view, request: pending }: StoredNode, request: EpochRequest): boolean {
  if (view.epochRequest === null || pending === null) return true
  return view.epochRequest.bootId !== request.bootId || pending.sentMs <= request.sentMs
}

function withRequest(node: StoredNode, request: EpochRequest, nowMs: number): StoredNode {
  const { bootId, nonce, found, sentMs, hardwareId } = request
  const { drivers, capacity, watchdog, virtual, agentVersion } = request
  const epochRequest = {
    ...{ bootId, nonce, found, requestedMs: nowMs },
    sameHardware: hardwareId === node.hardwareId,
    planeEpoch: request.planeEpoch?.number ?? 0,
  }
  return {
    ...node,
    view: { ...node.view, epochRequest },
    request: { sentMs, hardwareId, facts: { drivers, capacity, watchdog, virtual, agentVersion } },
  }
}

/** A boot that asks after its own deadline was not reset by its watchdog. */
function refute(node: StoredNode, bootId: string, nowMs: number): StoredNode {
  const revocations = node.revocations.map((one) =>
    one.bootId === bootId && one.leaseUntilMs < nowMs ? { ...one, refuted: true } : one,
  )
  return { ...node, revocations }
}

/** Tells the CRM, once a node. */
export function claimRegress(
  state: ClusterState,
  node: { nodeUid: string; planeEpoch: { number: number } | null },
  why: string,
): ClusterState {
  const { nodeUid } = node
  if (state.claims.some((claim) => claim.nodeUid === nodeUid)) return state
  const claim = { nodeUid, planeEpoch: node.planeEpoch?.number ?? 0, why }
  return { ...state, claims: [...state.claims, claim] }
}

/** Where a node stands that asked for an epoch. */
export function epochStanding(state: ClusterState, nodeUid: string): EpochStanding | null {
  const node = state.nodes[nodeUid]
  if (!node) return null
  const { lease, epochRequest, challenge } = node.view
  const { number, uuid } = state.planeEpoch
  return {
    epoch: lease.epoch,
    bootId: lease.bootId,
    pending: epochRequest !== null,
    nonce: challenge?.nonce ?? null,
    challengeBoot: challenge?.bootId ?? null,
    questions: challenge?.questions ?? null,
    waitsFor: challenge?.waitsFor ?? null,
    planeEpoch: { number, uuid },
  }
}

/** What the node is to do; null where this server cannot say. */
export function readDesired(
  state: ClusterState,
  server: ServerIdentity,
  nodeUid: string,
  has: { planeEpoch: number; revision: number },
): StoredDesired | null {
  const desired = state.nodes[nodeUid]?.desired
  const { number, uuid } = state.planeEpoch
  if (!desired || desired.planeEpoch !== number) return null
  if (state.server.systemId !== server.systemId || state.server.timeline !== server.timeline)
    return null
  const { revision, document, managed } = desired
  const isKnown = revision === has.revision && number === has.planeEpoch
  const told = isKnown ? null : document
  // Nobody asks a simulated node anything.
  return { revision, planeEpoch: { number, uuid }, document: told, managed, isAsked: false }
}

/** What the node is to keep start gates for. */
export function readManaged(
  { nodes, services }: ClusterState,
  nodeUid: string,
  has: string | null,
): StoredManaged | null {
  const node = nodes[nodeUid]
  if (!node?.desired) return null
  const { managed: digest } = node.desired
  const { drivers } = node.view
  if (digest === has) return { digest, drivers, services: null }
  const list = Object.values(services)
    .filter(isManaged)
    .sort((a, b) => compareText(a.sid, b.sid))
  const rows = list.map(({ sid, config }) => ({ sid, spec: config.spec }))
  return { digest, drivers, services: rows.slice(0, mostManaged) }
}

/** Replaces what a node told of its machine; one that is gone is passed over. */
export function noteHealth(state: ClusterState, { nodeUid, health }: HealthRow, nowMs: number) {
  const node = state.nodes[nodeUid]
  return !node || node.isRemoved
    ? state
    : withNode(state, { ...node, health: { atMs: nowMs, health } })
}

/** Replaces the figures of a node; one that is gone is passed over. */
export function noteUsage(state: ClusterState, { nodeUid, usage }: UsageRow, nowMs: number) {
  const node = state.nodes[nodeUid]
  if (!node || node.isRemoved) return state
  const services = Object.fromEntries(usage.services.map(({ sid, ...figures }) => [sid, figures]))
  return withNode(state, { ...node, usage: { atMs: nowMs, node: usage.node, services } })
}
