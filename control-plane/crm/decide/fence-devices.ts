// The fence devices of a silent node: when they are to switch it off, the orders to do so, and what their reports prove
// (rule 6, `device-off`). The devices themselves are driven by a job, outside of any round. The watchdog's deadline is
// pursued beside them: a dark device keeps nobody waiting. Must never order before the epoch is revoked (rule 5).
import { doubtAboutDevices } from '../../cluster/apply-fence.ts'
import { isHandsOff } from '../../cluster/disarm.ts'
import type { FenceOrderView } from '../../cluster/fence-view.ts'
import type { NodeName, NodeView, RevocationView } from '../../cluster/view.ts'
import { fenceDelayMs } from '../../../shared/settings.ts'
import { decideChange, type Draft, lookAgainAt, newId } from './draft.ts'
import { isRenewing } from './node-states.ts'
import { isSettling } from './outage.ts'
import { quarantineNote, seconds } from './quarantine.ts'

/** A job that says nothing for so long is lost, or its replica: longer than it lets devices take (fence/carry-out.ts). */
const lostAfterMs = 90_000
/** Between attempts: doubling, and never longer than this, for as long as anything waits for the proof. */
const longestBackOffMs = 60_000

/** When a silent node's lease may be revoked: at its deadline, or before it where a device can switch it off. */
export function fenceDueMs(draft: Draft, node: NodeView): number {
  const { lease } = node
  const hasDevice = (node.fenceDevices ?? []).length > 0
  // An agent that is being replaced said so, and is expected back before its deadline.
  const isExpectedBack = lease.releasedMs !== null && lease.mode === 'restart'
  const isEarly = hasDevice && !isExpectedBack && lease.renewedMs !== null
  if (!isEarly || isBraked(draft)) return lease.judgedUntilMs
  const dueMs = Math.max(deviceDueMs(draft, node), witnessedDueMs(draft, node))
  return Math.min(lease.judgedUntilMs, dueMs)
}

/**
 * While the database hangs nobody can renew and no round sees it: that silence is the plane's own. What a round found
 * silent is given as long from then on as it always is.
 */
function witnessedDueMs({ view }: Draft, { state, sinceMs }: NodeView): number {
  const witnessedMs = fenceDelayMs(view.settings) - view.settings.timing.silentMs
  return state === 'unknown' ? sinceMs + witnessedMs : 0
}

/**
 * The brake: while fewer than half of the nodes renew, it may as well be the plane that is cut off, and nobody is switched
 * off before the deadline. Then what still runs has stopped or was reset, and devices only prove it.
 */
function isBraked(draft: Draft): boolean {
  const roster = Object.values(draft.view.nodes).filter(({ lease }) => lease.reportedMs !== null)
  return 2 * roster.filter((node) => isRenewing(draft, node)).length < roster.length
}

/** By both clocks (rule 9): where they doubt each other, its silence counts from where its lease is judged from. */
function deviceDueMs(draft: Draft, { lease }: NodeView): number {
  const heardMs = Math.max(lease.renewedMs ?? 0, lease.reportedMs ?? 0)
  const doubtMs = lease.judgedUntilMs - lease.leaseUntilMs
  return heardMs + doubtMs + fenceDelayMs(draft.view.settings)
}

/** Orders the devices of `name` to switch it off, for the first revoked epoch that still holds something. */
export function orderDevices(draft: Draft, name: NodeName, somebodyRenews: boolean): void {
  const node = draft.view.nodes[name]!
  const [revocation] = node.revocations
  if (!revocation || whyNoOrder(draft, node, somebodyRenews) !== null) return
  const { epoch } = revocation
  const last = lastOrder(node, epoch)
  const dueMs = last === null ? firstAttemptMs(draft, node, revocation) : nextAttemptMs(draft, last)
  if (dueMs > draft.nowMs) return lookAgainAt(draft, dueMs)
  const attempt = (last?.attempt ?? 0) + 1
  const uid = newId(draft)
  const devices = node.fenceDevices!.map((device) => device.name).join(' and ')
  const why =
    last === null ? `by ${devices}` : `by ${devices}, after ${whatCame(draft, node, last)}`
  decideChange(draft, { kind: 'fence.ordered', node: name, epoch, attempt, uid, why })
  draft.jobs.push({ job: 'fence-node', node: name, epoch, order: uid, startAfterMs: draft.nowMs })
  lookAgainAt(draft, draft.nowMs + lostAfterMs)
}

/** Why its devices are left alone; null: they may be used. */
function whyNoOrder(draft: Draft, node: NodeView, somebodyRenews: boolean): string | null {
  if ((node.fenceDevices ?? []).length === 0) return 'it has no fence device'
  if (isHandsOff(draft.view)) return 'the cluster is disarmed'
  const quarantine = quarantineNote(draft)
  if (quarantine !== null) return quarantine
  if (!somebodyRenews) return 'no node renews its lease'
  if (isSettling(draft)) return 'placement waits after an outage of all nodes'
  // Its own answer is better than its death. A spare machine under its name does not answer for it.
  const { epochRequest } = node
  const isAsking =
    epochRequest?.sameHardware === true &&
    draft.nowMs - epochRequest.requestedMs < fenceDelayMs(draft.view.settings)
  if (!isAsking || provesNothing(node, draft.view.settings)) return null
  return isNewLife(node)
    ? 'it has booted again and asks for a lease (setting afterFence power-on has it switched off and on)'
    : 'it is asking for a lease'
}

/** A virtual machine that has booted again cannot say what its old life came to: only to be off once settles it (rule 13). */
function isNewLife({ epochRequest, revocations, virtual, watchdog }: NodeView): boolean {
  const isOther = epochRequest !== null && epochRequest.bootId !== revocations[0]?.bootId
  return isOther && virtual && watchdog.class !== 'simulated'
}

/** It runs nothing yet, and it is switched on again: so it is switched off in spite of its asking. */
function provesNothing(node: NodeView, { afterFence }: Draft['view']['settings']): boolean {
  return afterFence === 'power-on' && isNewLife(node)
}

/** Its silence counts also where its epoch was revoked for another reason: because it asked for a new one, say. */
function firstAttemptMs(draft: Draft, node: NodeView, { judgedUntilMs }: RevocationView): number {
  const dueMs = deviceDueMs(draft, node)
  return isBraked(draft) ? Math.max(dueMs, judgedUntilMs) : dueMs
}

function lastOrder({ fenceOrder }: NodeView, epoch: number): FenceOrderView | null {
  return fenceOrder?.epoch === epoch ? fenceOrder : null
}

function nextAttemptMs({ nowMs }: Draft, { attempt, orderedMs, report }: FenceOrderView): number {
  // Given before the clock stepped back: nobody waits until that moment comes again.
  if (orderedMs > nowMs) return nowMs
  if (report === null) return orderedMs + lostAfterMs
  return report.atMs + Math.min(longestBackOffMs, 1_000 * 2 ** Math.min(attempt - 1, 10))
}

function whatCame(draft: Draft, node: NodeView, { attempt, epoch, report }: FenceOrderView) {
  const doubt =
    report === null
      ? 'nothing was reported'
      : doubtAboutProof(draft, node, epoch, bootOf(node, epoch))
  return `attempt ${attempt} failed: ${doubt}`
}

function bootOf({ revocations }: NodeView, epoch: number): string | null {
  return revocations.find((one) => one.epoch === epoch)?.bootId ?? null
}

/** Why what was reported of the order for `epoch` is no proof, or not yet; null: it is. */
function doubtAboutProof(
  draft: Draft,
  node: NodeView,
  epoch: number,
  bootId: string | null,
): string | null {
  const doubt = doubtAboutDevices(draft.view, node, epoch)
  if (doubt !== null) return doubt
  // Then they switched off something else, whatever it says it is.
  const { epochRequest, fenceOrder } = node
  const isHeard = bootId !== null && epochRequest?.bootId === bootId
  return isHeard && epochRequest.requestedMs >= fenceOrder!.report!.atMs
    ? 'it was heard in the same boot after it was read off'
    : null
}

/** What its devices are doing, for people that wait; null: it has none. */
export function deviceNote(draft: Draft, node: NodeView, somebodyRenews: boolean): string | null {
  const obstacle = whyNoOrder(draft, node, somebodyRenews)
  if ((node.fenceDevices ?? []).length === 0) return null
  if (obstacle !== null) return `its fence device is not used: ${obstacle}`
  const revocation = node.revocations[0]!
  const last = lastOrder(node, revocation.epoch)
  const dueMs = last === null ? firstAttemptMs(draft, node, revocation) : nextAttemptMs(draft, last)
  const inMs = dueMs - draft.nowMs
  const when = inMs > 0 ? `in ${seconds(inMs)}` : 'now'
  if (last === null) return `its fence device switches it off ${when}`
  if (last.report === null)
    return `its fence device is told to switch it off (attempt ${last.attempt})`
  return `its fence device: ${whatCame(draft, node, last)}; tried again ${when}`
}

/**
 * Records what the devices prove for the revoked epoch, if they do; true where they do.
 *
 * SAFETY: only about the order in force. It was given after the revocation was committed and its devices were told
 * after that, so whatever was off then had run under this epoch at most; what boots later has no grant.
 */
export function recordDeviceOff(
  draft: Draft,
  name: NodeName,
  { epoch, bootId, revokedMs }: RevocationView,
): boolean {
  const node = draft.view.nodes[name]!
  const order = lastOrder(node, epoch)
  if (!order?.report || doubtAboutProof(draft, node, epoch, bootId) !== null) return false
  const { uid, attempt, orderedMs, report } = order
  const expects = new Map(node.fenceDevices!.map((device) => [device.name, device]))
  const devices = report.devices.map(({ name: device, before, readings }) => ({
    device,
    before,
    kind: expects.get(device)!.kind,
    expects: expects.get(device)!.expects,
    readings: readings.slice(-2).map(({ state, identity, at }) => ({ state, ...identity, at })),
  }))
  decideChange(draft, {
    kind: 'evidence.recorded',
    evidence: 'device-off',
    node: name,
    epoch,
    scope: null,
    facts: { order: uid, attempt, bootId, revokedMs, orderedMs, reportedMs: report.atMs, devices },
    why: `${devices.map(({ device }) => device).join(' and ')} switched ${name} off and read it off twice`,
  })
  return true
}
