// The reducer's half about leases: what a revocation, a new epoch and a piece of evidence do to a working view.
// Must never close a holder without the evidence that names it.
import { assert } from '../../shared/assert.ts'
import { fenceAfterMs } from '../../shared/timing.ts'
import type { Change } from './change.ts'
import { doubtAboutDevices } from './apply-fence.ts'
import {
  generationOn,
  holderOn,
  holdersOf,
  isForgotten,
  nextLeaseEpoch,
  withoutHolder,
} from './grants.ts'
import { isRenewing } from './renewing.ts'
import { setNode, type WorkingView } from './working-view.ts'
import type { NodeView, RevocationView, ServiceView, Sid } from './view.ts'

/** Services among which all are that the node of a change holds. Asked for only where it matters. */
export type Holding = () => Iterable<Sid>

/** Ends the epoch; remembers it while holders of it are open. */
export function revokeLease(
  view: WorkingView,
  change: Change & { kind: 'lease.revoked' },
  holding: Holding,
): void {
  const node = nodeOf(view, change.node)
  const { lease } = node
  assert(
    lease.epoch === change.epoch,
    `node ${node.name} is at lease epoch ${lease.epoch}, not ${change.epoch}`,
  )
  assert(
    change.mode !== 'expired' || lease.judgedUntilMs <= view.nowMs,
    `the lease of node ${node.name} has not expired`,
  )
  assert(
    change.mode !== 'silent' || !isRenewing(view, node),
    `node ${node.name} is not silent: it is not to be switched off`,
  )
  const isHeld = holdersOf(view.services, node.name, holding()).some(
    (holder) => holder.epoch === lease.epoch,
  )
  const { epoch, bootId, leaseUntilMs, judgedUntilMs, guarded } = lease
  const revocation = { epoch, bootId, leaseUntilMs, judgedUntilMs, guarded, revokedMs: view.nowMs }
  setNode(view, {
    ...node,
    revocations: isHeld ? [...node.revocations, revocation] : node.revocations,
    challenge: null,
    // Nor does what a machine last said count any more once a person vouches for its death.
    report: change.mode === 'operator' ? null : node.report,
    lease: {
      ...lease,
      epoch: nextLeaseEpoch(lease),
      bootId: null,
      armed: false,
      guarded: null,
      vouchedRound: change.mode === 'operator' ? view.round : null,
      // A person who vouches that a machine is dead answers for it in a quarantine too.
      attestedPlaneEpoch:
        change.mode === 'operator' ? view.planeEpoch.number : lease.attestedPlaneEpoch,
    },
  })
}

/** It is asked what it runs, before it gets the epoch that its last revocation allotted. */
export function challengeNode(
  view: WorkingView,
  change: Change & { kind: 'node.challenged' },
): void {
  const node = nodeOf(view, change.node)
  const { epoch, bootId, nonce, questions } = change
  assert(
    node.lease.bootId === null && node.lease.epoch === epoch,
    `node ${node.name} is asked for an epoch that is not the next one`,
  )
  const challenge = { epoch, bootId, nonce, questions, waitsFor: '' }
  setNode(view, { ...node, challenge })
}

/** Begins the epoch that the last revocation allotted; adopted holders go over to it. */
export function openLease(
  view: WorkingView,
  change: Change & { kind: 'lease.opened' },
  holding: Holding,
): void {
  const node = nodeOf(view, change.node)
  assert(
    node.lease.bootId === null && node.lease.epoch === change.epoch,
    `lease epoch ${change.epoch} of node ${node.name} is not the one to open`,
  )
  const { epochRequest, fenceDevices = [] } = node
  assert(
    epochRequest?.bootId !== change.bootId || epochRequest.sameHardware || !fenceDevices.length,
    `the fence devices of node ${node.name} switch off another machine than the one that is given a lease`,
  )
  const adopted = new Map(change.adopts.map((one) => [one.sid, one.generation]))
  for (const held of holdersOf(view.services, node.name, holding())) {
    // SAFETY: a new epoch begins only when every grant of the older ones is closed or adopted (rule 6).
    assert(
      adopted.get(held.sid) === held.generation,
      `${held.sid} is neither closed nor adopted on ${node.name}`,
    )
    const service = view.services.get(held.sid)!
    const holders = service.grant!.holders.map((holder) =>
      // SAFETY: it was found running, so it was started, whatever became of its confirm.
      holder.node === node.name ? { ...holder, epoch: change.epoch, confirmed: true } : holder,
    )
    view.services.set(held.sid, { ...service, grant: { ...service.grant!, holders } })
  }
  const { lease } = node
  // Its first renewal may take a while: until then it is not over.
  const fullMs = view.nowMs + fenceAfterMs(view.settings.timing)
  setNode(view, {
    ...node,
    revocations: [],
    challenge: null,
    epochRequest: null,
    lease: {
      ...lease,
      bootId: change.bootId,
      leaseUntilMs: Math.max(lease.leaseUntilMs, fullMs),
      judgedUntilMs: Math.max(lease.judgedUntilMs, fullMs),
      // Nothing was heard under this epoch yet: the node is not online before its first renewal.
      renewedMs: null,
      releasedMs: null,
      revision: 0,
      vouchedRound: null,
    },
  })
}

/** Closes the holders that the evidence proves dead, and no other. */
export function recordEvidence(
  view: WorkingView,
  change: Change & { kind: 'evidence.recorded' },
  holding: Holding,
): void {
  const node = nodeOf(view, change.node)
  const { epoch, scope, evidence } = change
  const revocation = node.revocations.find((one) => one.epoch === epoch)
  assert(
    evidence === 'agent-stopped' || epoch < node.lease.epoch,
    `${evidence} needs lease epoch ${epoch} of node ${node.name} to be revoked first`,
  )
  assert(
    evidence !== 'watchdog-deadline' ||
      (revocation?.guarded === true && revocation.judgedUntilMs <= view.nowMs),
    `the watchdog of node ${node.name} proves nothing for lease epoch ${epoch}`,
  )
  assert(
    evidence !== 'device-off' || doubtAboutDevices(view, node, epoch) === null,
    `the fence devices of node ${node.name} prove nothing for lease epoch ${epoch}`,
  )
  assert(
    (scope !== null) === (evidence === 'agent-stopped' || evidence === 'never-confirmed'),
    `${evidence} has the wrong scope`,
  )
  if (scope) {
    const service = view.services.get(scope.sid)
    const holder = holderOn(service?.grant ?? null, node.name)
    assert(
      service !== undefined &&
        holder?.epoch === epoch &&
        generationOn(service.grant, node.name) === scope.generation,
      `${scope.sid} has no open holder of generation ${scope.generation} on ${node.name}`,
    )
    assert(
      evidence !== 'never-confirmed' || !holder.confirmed,
      `${scope.sid} was confirmed on ${node.name}`,
    )
    closeHolder(view, service, node, epoch)
  } else {
    for (const held of holdersOf(view.services, node.name, holding()))
      if (held.epoch === epoch) closeHolder(view, view.services.get(held.sid)!, node, epoch)
  }
  if (scope) forgetSettledRevocations(view, node, holding)
  else forgetRevocations(view, node, (one) => one.epoch === epoch)
}

function closeHolder(view: WorkingView, service: ServiceView, node: NodeView, epoch: number): void {
  keep(view, withoutHolder(service, node.name, epoch))
}

function forgetSettledRevocations(view: WorkingView, node: NodeView, holding: Holding): void {
  if (node.revocations.length === 0) return
  const open = new Set(holdersOf(view.services, node.name, holding()).map((holder) => holder.epoch))
  forgetRevocations(view, node, (one) => !open.has(one.epoch))
}

function forgetRevocations(
  view: WorkingView,
  node: NodeView,
  isSettled: (revocation: RevocationView) => boolean,
): void {
  const revocations = node.revocations.filter((one) => !isSettled(one))
  setNode(view, { ...node, revocations })
}

/** Puts the record back, or forgets it when nothing of it is left. */
export function keep(view: WorkingView, service: ServiceView): void {
  if (isForgotten(service)) view.services.delete(service.sid)
  else view.services.set(service.sid, service)
}

/** The node by its name; a change that names no node of the view is a bug. */
export function nodeOf(view: WorkingView, name: string): NodeView {
  const node = view.nodes[name]
  assert(node, `no node ${name}`)
  return node
}
