// Proof that something of a revoked epoch can no longer run, as far as the view itself gives it: the watchdog's deadline,
// a fence device that says off, and starts that were never confirmed. The first valid one wins; none waits for another.
// What agents answer is weighed in epoch-requests.ts.
// "No lease" is never proof.
import { compareText, holderOn } from '../../cluster/grants.ts'
import type { NodeName, NodeView, RevocationView } from '../../cluster/view.ts'
import { decideChange, type Draft, lookAgainAt } from './draft.ts'
import { recordDeviceOff } from './fence-devices.ts'
import { seconds } from './quarantine.ts'

/** Records every proof there is for the revoked epochs of `name`. */
export function pursueEvidence(draft: Draft, name: NodeName): void {
  // SAFETY: in a quarantine neither `guarded` nor `confirmed` can be trusted: the truth may lie in the lost history.
  if (draft.view.planeEpoch.quarantineUntilMs !== null) return
  recordNeverConfirmed(draft, name)
  for (const revocation of draft.view.nodes[name]!.revocations) {
    if (recordDeviceOff(draft, name, revocation)) continue
    if (doubtAboutWatchdog(draft, draft.view.nodes[name]!, revocation) !== null) continue
    recordWatchdogDeadline(draft, name, revocation)
  }
}

function recordNeverConfirmed(draft: Draft, name: NodeName): void {
  const { lease, report, revocations, epochRequest } = draft.view.nodes[name]!
  if (revocations.length === 0) return
  for (const sid of [...draft.index.sidsOn(name)].sort(compareText)) {
    const grant = draft.view.services.get(sid)?.grant ?? null
    const holder = holderOn(grant, name)
    if (grant === null || !holder || holder.confirmed || holder.epoch >= lease.epoch) continue
    const generation = holder.generation ?? grant.generation
    const { epoch } = holder
    // What the node itself says it runs was started somehow, whatever is on record.
    const isIt = (one: { sid: string; generation: number; state: string }) =>
      one.sid === sid && one.generation === generation && one.state !== 'stopped'
    if (report?.running.some(isIt) || epochRequest?.found.some(isIt)) continue
    decideChange(draft, {
      kind: 'evidence.recorded',
      evidence: 'never-confirmed',
      node: name,
      epoch,
      scope: { sid, generation },
      facts: { nodeUid: draft.view.nodes[name]!.uid, revokedEpoch: epoch },
      why: `${name} never confirmed generation ${generation}, and can no longer do so`,
    })
  }
}

function recordWatchdogDeadline(draft: Draft, name: NodeName, revocation: RevocationView): void {
  const { watchdog } = draft.view.nodes[name]!
  const { epoch, bootId, leaseUntilMs, judgedUntilMs, guarded } = revocation
  decideChange(draft, {
    kind: 'evidence.recorded',
    evidence: 'watchdog-deadline',
    node: name,
    epoch,
    scope: null,
    facts: {
      bootId,
      leaseUntilMs,
      judgedUntilMs,
      decidedMs: draft.nowMs,
      guarded,
      watchdog: watchdog.identity,
      class: watchdog.class,
      effectiveMs: watchdog.effectiveMs,
    },
    why: `${name} did not renew before its deadline and its armed watchdog (${watchdog.identity}${
      watchdog.class === 'weak' ? ', weak' : ''
    }) has reset it, unless nothing ran there any more`,
  })
}

/** Why the watchdog's deadline proves nothing for this epoch yet, or ever; null: it proves it. */
export function doubtAboutWatchdog(
  draft: Draft,
  node: NodeView,
  revocation: Pick<RevocationView, 'epoch' | 'bootId' | 'guarded' | 'refuted' | 'judgedUntilMs'>,
): string | null {
  const { cluster, settings } = draft.view
  const isSimulated = node.watchdog.class === 'simulated'
  if (node.watchdog.class === 'none') return 'it has no watchdog'
  if (isSimulated && !cluster.development) return 'its watchdog is only simulated'
  if (node.virtual && !isSimulated && !settings.trustVirtualWatchdog)
    return 'it is a virtual machine, which can be frozen together with its watchdog'
  if (node.virtual && !isSimulated && !node.watchdog.outsideClock)
    return 'it is a virtual machine without a clock by which it would see that it was frozen'
  if (revocation.guarded !== true) return 'its watchdog was not armed'
  if (revocation.judgedUntilMs > draft.nowMs) {
    lookAgainAt(draft, revocation.judgedUntilMs)
    return `due in ${seconds(revocation.judgedUntilMs - draft.nowMs)}`
  }
  if (wasHeardAfter(node, revocation))
    return 'it was heard after its deadline, so its watchdog has not reset it'
  // The same boot is asking what it may keep: its own answer is better than an inference about it.
  const { epochRequest } = node
  if (
    epochRequest?.bootId === revocation.bootId &&
    draft.nowMs - epochRequest.requestedMs < settings.timing.silentMs
  )
    return 'it is answering for itself'
  return null
}

/** A boot that spoke after its own deadline refutes its watchdog for good. It may have ended everything the gentle way. */
function wasHeardAfter(
  { epochRequest, report, lease }: NodeView,
  {
    epoch,
    bootId,
    refuted,
    judgedUntilMs,
  }: Pick<RevocationView, 'epoch' | 'bootId' | 'refuted' | 'judgedUntilMs'>,
): boolean {
  if (refuted) return true
  if (epochRequest?.bootId === bootId && epochRequest.requestedMs > judgedUntilMs) return true
  // Without quorum reports are taken in, and nothing is granted.
  const isItsReport = report?.epoch === epoch && report.bootId === bootId
  return isItsReport && lease.reportedMs !== null && lease.reportedMs > judgedUntilMs
}
