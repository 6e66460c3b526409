// Saves a round in the memory store: the order and the conditions of store/save-plan.ts. Pure; throws what Postgres
// would have thrown: `StalePlan` where something the plan counts on has changed, an error where the schema says no.
import { applyPlan } from '../../cluster/apply.ts'
import { isSameJson } from '../../cluster/same-json.ts'
import type { Change } from '../../cluster/change.ts'
import type { Plan } from '../../cluster/plan.ts'
import type { ClusterView } from '../../cluster/view.ts'
import {
  judgeHistory,
  type PlaneEpochChange,
  type ServerDifference,
} from '../../crm/plane-epoch.ts'
import type { LoadedView } from '../load-view.ts'
import { type ChangedDocument, changedDocuments, type SavedRound } from '../save-plan.ts'
import { StalePlan } from '../stale-plan.ts'
import { type Moment } from './leases.ts'
import { saveLeaseChange } from './save-lease-changes.ts'
import {
  type ClusterState,
  type RegressClaim,
  type ServerIdentity,
  type StoredNode,
  withNode,
} from './state.ts'

/** Of the finished commands so many are remembered. */
const finishedKept = 500

/** What a plan makes of the view it was made from: the same whatever state it is saved in. */
export type PreparedPlan = {
  loaded: LoadedView
  plan: Plan
  after: ClusterView
  documents: ChangedDocument[]
  nextRoundMs: number
}

export function preparePlan(loaded: LoadedView, plan: Plan, nextRoundMs: number): PreparedPlan {
  const after = applyPlan(loaded.view, plan)
  return { loaded, plan, after, documents: changedDocuments(loaded, after), nextRoundMs }
}

/** The state after a plan. */
export function savePlan(
  state: ClusterState,
  { loaded, plan, after, documents, nextRoundMs }: PreparedPlan,
  { nowMs }: Moment,
): { state: ClusterState; saved: SavedRound } {
  const before = loaded.view
  let next = saveStatuses(state, before, after)
  for (const change of plan.changes) next = saveWish(next, change, nowMs)
  next = saveElection(next, after, nextRoundMs, nowMs)
  for (const change of plan.changes) next = saveLeaseChange(next, before, change, nowMs)
  next = saveChallengeNotes(next, before, after)
  const changedNodes: ChangedDocument[] = []
  for (const changed of documents) {
    const { uid, digest, managed, document } = changed
    const node = nodeOf(next, uid)
    const planeEpoch = after.planeEpoch.number
    const isSame =
      node.desired?.planeEpoch === planeEpoch &&
      node.desired.managed === managed &&
      isSameJson(node.desired.document, document)
    const revision = isSame ? node.desired!.revision : after.round
    next = withNode(next, { ...node, desired: { planeEpoch, revision, digest, managed, document } })
    if (!isSame) changedNodes.push(changed)
  }
  return { state: forget(next), saved: { view: after, changedNodes } }
}

function saveStatuses(state: ClusterState, before: ClusterView, after: ClusterView): ClusterState {
  let next = state
  for (const node of Object.values(after.nodes)) {
    const old = before.nodes[node.name]
    if (node === old) continue
    const isToldOf = node.toldEnd === old?.toldEnd
    if (node.state === old?.state && node.note === old.note && isToldOf) continue
    const stored = nodeOf(next, node.uid)
    const { state: nodeState, sinceMs, note } = node
    const view = {
      ...{ ...stored.view, state: nodeState, sinceMs, note },
      ...(node.toldEnd !== undefined && { toldEnd: node.toldEnd }),
    }
    next = withNode(next, { ...stored, view, hasStatus: true })
  }
  const services = { ...next.services }
  for (const [sid, { status }] of Object.entries(after.services))
    if (status && status !== before.services[sid]?.status) {
      const known = services[sid] ?? emptyService(sid)
      // A status names a node by its row: one that is gone is none.
      const node = status.node !== null && after.nodes[status.node] ? status.node : null
      services[sid] = { ...known, status: { ...status, node } }
    }
  for (const [sid, { status }] of Object.entries(before.services)) {
    if (!status || after.services[sid]?.status) continue
    const known = services[sid]
    if (known) services[sid] = { ...known, status: null }
  }
  return forget({ ...next, services })
}

function emptyService(sid: string) {
  return { sid, config: null, status: null, grant: null, everGranted: false }
}

/** Services of which no row is left. */
export function forget(state: ClusterState): ClusterState {
  const services = Object.entries(state.services)
  const kept = services.filter(
    ([, { config, status, grant }]) => config !== null || status !== null || grant !== null,
  )
  return kept.length === services.length ? state : { ...state, services: Object.fromEntries(kept) }
}

function saveWish(state: ClusterState, change: Change, nowMs: number): ClusterState {
  if (change.kind === 'quarantine.ended')
    return { ...state, planeEpoch: { ...state.planeEpoch, quarantineUntilMs: null } }
  if (change.kind !== 'command.status') return state
  const all = [...state.commands, ...state.clusterCommands]
  const known = all.find((command) => command.uid === change.command)
  if (!known) throw new StalePlan(`command ${change.command} is finished already`)
  const next = { ...known, status: change.to, reason: change.why }
  const isOpen = change.to === 'pending' || change.to === 'running'
  const settle = <T>(commands: T[]): T[] =>
    commands.flatMap((one) => ((one as unknown) === known ? (isOpen ? [next as T] : []) : [one]))
  return {
    ...state,
    commands: settle(state.commands),
    clusterCommands: settle(state.clusterCommands),
    finished: isOpen
      ? state.finished
      : [...state.finished, { ...next, finishedMs: nowMs }].slice(-finishedKept),
  }
}

function saveElection(
  state: ClusterState,
  after: ClusterView,
  nextRoundMs: number,
  nowMs: number,
): ClusterState {
  const { nextGeneration, quorate, quietSinceMs, disarm, imbalancedSinceMs } = after
  return {
    ...state,
    ...{ lastRoundMs: nowMs, nextRoundMs, nextGeneration, quorate },
    ...{ quietSinceMs, disarm, imbalancedSinceMs },
  }
}

function saveChallengeNotes(state: ClusterState, before: ClusterView, after: ClusterView) {
  let next = state
  for (const { name, uid, challenge } of Object.values(after.nodes)) {
    if (!challenge || challenge.waitsFor === (before.nodes[name]?.challenge?.waitsFor ?? ''))
      continue
    const stored = nodeOf(next, uid)
    if (!stored.view.challenge) continue
    const told = { ...stored.view.challenge, waitsFor: challenge.waitsFor }
    next = withNode(next, { ...stored, view: { ...stored.view, challenge: told } })
  }
  return next
}

/**
 * Changes the plane epoch where it must (crm/plane-epoch.ts).
 * @param settled the claims that are dealt with by it: those there were when this was written
 */
export function changePlaneEpoch(
  state: ClusterState,
  { loaded, uuid, settled }: PlaneEpochStep,
  { nowMs, server }: Moment,
): { state: ClusterState; change: PlaneEpochChange | null } {
  const { number: known } = loaded.view.planeEpoch
  const judged = judgeHistory(loaded, loaded.identityMatches ? 'same' : differ(state, server))
  if (judged === null) {
    const isOld = (claim: RegressClaim) => settled.includes(claim) && claim.planeEpoch < known
    const claims = state.claims.filter((claim) => !isOld(claim))
    return { state: { ...state, claims }, change: null }
  }
  const { number, why, plainRestart, waitMs, numberFloor } = judged
  const untilMs = nowMs + waitMs
  const quarantineUntilMs = plainRestart ? state.planeEpoch.quarantineUntilMs : untilMs
  const nodes = Object.entries(state.nodes).map(([uid, node]) => [
    uid,
    allottedAnew(heldUntil(node, untilMs), numberFloor),
  ])
  const next = {
    ...state,
    planeEpoch: { number, uuid, quarantineUntilMs },
    server,
    numberFloor,
    nextGeneration: Math.max(state.nextGeneration, numberFloor),
    claims: state.claims.filter((claim) => !settled.includes(claim)),
    nodes: Object.fromEntries(nodes) as ClusterState['nodes'],
  }
  return { state: next, change: { number, why, quarantined: !plainRestart } }
}

/** An epoch that was allotted and not opened, as far as this history knows: the lost one may have opened it. */
function allottedAnew(node: StoredNode, numberFloor: number): StoredNode {
  const { lease } = node.view
  if (lease.bootId !== null) return node
  const epoch = Math.max(lease.epoch, numberFloor)
  return { ...node, view: { ...node.view, lease: { ...lease, epoch } } }
}

type PlaneEpochStep = { loaded: LoadedView; uuid: string; settled: readonly RegressClaim[] }

/** The lease counts as held for so long at least. */
export function heldUntil(node: StoredNode, untilMs: number): StoredNode {
  const leaseUntilMs = Math.max(node.view.lease.leaseUntilMs, untilMs)
  const lease = { ...node.view.lease, leaseUntilMs, judgedUntilMs: leaseUntilMs }
  return { ...node, view: { ...node.view, lease } }
}

function differ({ server: known }: ClusterState, now: ServerIdentity): ServerDifference {
  if (known.systemId === 'restored') return 'restored'
  if (known.systemId !== now.systemId) return 'replaced'
  if (known.timeline !== now.timeline) return 'promoted'
  return known.postmasterStart === now.postmasterStart ? 'same' : 'restarted'
}

export function nodeOf(state: ClusterState, uid: string): StoredNode {
  const node = state.nodes[uid]
  if (!node) throw new Error(`no row of node ${uid}`)
  return node
}
