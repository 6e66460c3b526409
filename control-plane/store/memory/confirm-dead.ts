// A person's word that a node is dead, in the memory store: the conditions of fence/operator-confirm.ts. Pure: a state in,
// a state and an answer out; a refusal leaves the state as it was. Not to be called while a round is under way.
import type { FenceConfirm, FenceConfirmed } from '../../fence/operator-confirm.ts'
import { type Refusal, type RefusalCode, refuse } from '../../intake/refusal.ts'
import { generationOn } from '../../cluster/grants.ts'
import { takenOverFrom } from '../../cluster/taken-over.ts'
import { forget } from './save.ts'
import { closeHolders, endEpoch } from './save-lease-changes.ts'
import {
  type ClusterState,
  holdersOf,
  nodeNamed,
  type StoredNode,
  withDeath,
  withNode,
} from './state.ts'

type Confirmed = { state: ClusterState; answer: FenceConfirmed | Refusal }

export function confirmDead(before: ClusterState, wish: FenceConfirm, nowMs: number): Confirmed {
  const refused = (code: RefusalCode, why: string): Confirmed => ({
    state: before,
    answer: refuse(code, `node ${wish.node} ${why}`),
  })
  const node = nodeNamed(before, wish.node)
  if (!node) return refused('unknown-node', 'is not in this cluster')
  const { lease } = node.view
  const sinceMs = nowMs - wish.silentMs
  const isOpen = lease.bootId !== null
  if (isOpen && lease.renewedMs !== null && lease.renewedMs > sinceMs)
    return refused('node-renews', 'renews its lease: it is not dead')
  if (asksForItself(before, node, sinceMs))
    return refused('node-renews', 'is asking for a lease: it is not dead')
  const held = openRevocations(before, node)
  const untilMs = Math.max(lease.leaseUntilMs, ...held.map((one) => one.leaseUntilMs))
  if (untilMs > nowMs && !wish.force) return refused('before-deadline', 'has a deadline to come')
  let state: ClusterState = { ...before, round: before.round + 1 }
  if (isOpen) state = withNode(state, endEpoch(state, node, nowMs))
  const vouched = vouch(state, state.nodes[node.view.uid]!)
  const { isAwaited } = vouched
  state = withNode(state, vouched.node)
  const epochs = openRevocations(state, vouched.node).map((one) => one.epoch)
  if (epochs.length === 0 && !isOpen && !isAwaited)
    return refused('nothing-to-confirm', 'runs nothing: no grant is open on it')
  const closed: FenceConfirmed['closed'] = []
  for (const epoch of epochs) {
    const sids = holdersOf(state, wish.node).flatMap(({ service, holder }) =>
      holder.epoch === epoch ? [service.sid] : [],
    )
    for (const sid of sids) {
      const generation = generationOn(state.services[sid]!.grant, wish.node)!
      closed.push({ sid, generation })
    }
    const death = { epoch, evidence: 'operator', order: null } as const
    state = withNode(state, withDeath(state.nodes[node.view.uid]!, death))
    state = closeHolders(state, wish.node, epoch, sids)
  }
  // What was removed, and held its last grant there, is gone now.
  return { state: forget(state), answer: { node: wish.node, epochs, closed } }
}

function openRevocations(state: ClusterState, node: StoredNode) {
  const epochs = new Set(holdersOf(state, node.view.name).map(({ holder }) => holder.epoch))
  return node.revocations.filter((one) => epochs.has(one.epoch))
}

/** As in intake/node-wish.ts: a spare machine and a virtual one that booted again do not speak for the old one. */
function asksForItself(state: ClusterState, node: StoredNode, sinceMs: number): boolean {
  const { epochRequest, lease, virtual } = node.view
  if (epochRequest === null || epochRequest.requestedMs <= sinceMs) return false
  if (epochRequest.found.some((one) => one.state !== 'stopped')) return true
  if (!epochRequest.sameHardware) return false
  const revoked = openRevocations(state, node).map((one) => one.bootId)
  const boots = [...revoked, lease.bootId].filter((bootId) => bootId !== null)
  return !virtual || boots.length === 0 || boots.includes(epochRequest.bootId)
}

/** Stands for whatever is waited for of a dead node: attestation, last word, answers. */
function vouch(state: ClusterState, node: StoredNode): { node: StoredNode; isAwaited: boolean } {
  const { lease, report } = node.view
  const { number, quarantineUntilMs } = state.planeEpoch
  const attests = quarantineUntilMs !== null && lease.attestedPlaneEpoch !== number
  const ran = (report?.running.length ?? 0) > 0
  const isAwaited = attests || ran || isWaitedFor(state, node)
  const next = {
    ...lease,
    attestedPlaneEpoch: attests ? number : lease.attestedPlaneEpoch,
    vouchedRound: state.round,
  }
  const view = { ...node.view, lease: next, report: null }
  return { node: { ...node, view, reportRevision: null }, isAwaited }
}

function isWaitedFor(state: ClusterState, { view }: StoredNode): boolean {
  const { vouchedRound } = view.lease
  return Object.values(state.services).some((service) => {
    const { status } = service
    if (status?.state === 'freeze' && status.node === view.name) return vouchedRound === null
    const lastGeneration = state.lastGenerations[service.sid] ?? null
    const source = takenOverFrom({ ...service, lastGeneration })
    const isAsked = status?.probesRoster === true || source === view.name
    return isAsked && (status?.probeRound ?? 0) > (vouchedRound ?? 0)
  })
}
