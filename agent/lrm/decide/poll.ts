// The long poll for the desired state: one at a time, while there is an epoch; without one for the mode alone.
import type { Desired } from '../../../shared/protocol.ts'
import { type Draft, say, wakeAt, writeDown } from './draft.ts'
import type { Lrm } from './lrm.ts'
import { areGatesDue, noteTold } from './managed.ts'
import { adoptPlaneEpoch, planeEpochCounts } from './plane-epoch.ts'

const waitMs = 25_000
const firstPauseMs = 200
const longestPauseMs = 3_000

/** Asks for newer orders, unless that question is open already. */
export function stepPoll(draft: Draft): void {
  const { lrm, nowMs } = draft
  const { poll } = lrm
  if ((lrm.epoch === null && !isHeldUp(lrm)) || lrm.planeEpoch === null || poll.running) return
  if (nowMs < poll.dueMs) return wakeAt(draft, poll.dueMs)
  poll.id += 1
  poll.running = true
  draft.effects.push({
    kind: 'poll',
    id: poll.id,
    planeEpoch: lrm.planeEpoch.number,
    revision: lrm.desired?.revision ?? 0,
    waitMs,
  })
}

/**
 * Released, and what is left over here keeps it from an epoch: only the orders tell whether the cluster is disarmed still,
 * so that nothing may be touched, or armed, so that it is cleaned up first.
 */
function isHeldUp({ released, services }: Lrm): boolean {
  return released && Object.values(services).some(({ phase }) => phase === 'unknown')
}

/** Drops the open question, to ask again at once. */
export function askAgain(draft: Draft): void {
  const { poll } = draft.lrm
  if (poll.running) draft.effects.push({ kind: 'cancel-poll' })
  draft.lrm.poll = { id: poll.id + 1, running: false, dueMs: 0, failures: 0 }
}

/** New orders, if they are newer and meant for this node. */
export function noteDesired(
  draft: Draft,
  id: number,
  desired: Desired,
  managed: string | null = null,
): void {
  const { lrm } = draft
  if (lrm.poll.id !== id) return
  lrm.poll.running = false
  const { clusterUuid, nodeUid } = lrm.self
  if (desired.clusterUuid !== clusterUuid || desired.nodeUid !== nodeUid)
    return notePollFailed(draft, id, 'orders of another node or cluster')
  if (!planeEpochCounts(draft, desired.planeEpoch))
    return notePollFailed(draft, id, 'orders of a stale plane epoch')
  adoptPlaneEpoch(draft, desired.planeEpoch)
  lrm.poll.running = false
  if (lrm.desired !== null && desired.revision <= lrm.desired.revision)
    return notePollFailed(draft, lrm.poll.id, 'orders older than those in hand')
  lrm.poll.failures = 0
  lrm.poll.dueMs = 0
  noteTold(draft, managed)
  if (lrm.desired?.mode !== desired.mode) say(draft, 'mode', { mode: desired.mode })
  lrm.desired = desired
  lrm.timing = desired.timing
  lrm.desiredLook = lrm.survey.begun + 1
  // What it asks for is looked for now, whatever was seen before.
  if (desired.probes.length > 0 || areGatesDue(lrm)) lrm.survey.dueMs = draft.nowMs
  forgetAnswered(draft, desired)
  keepSettings(draft, desired)
}

/** Answers are kept as long as their order stands. Rides along with the next change of the journal. */
function forgetAnswered(draft: Draft, desired: Desired): void {
  const { lrm } = draft
  const named = new Set(desired.services.map((order) => order.uid))
  for (const table of [lrm.journal.answers, lrm.journal.restarted, lrm.answeredAt])
    for (const uid of Object.keys(table)) if (!named.has(uid)) delete table[uid]
  lrm.journal.timing = desired.timing
}

/** Written down when they change: the process may end before anything else does, and come back without the plane. */
function keepSettings(draft: Draft, desired: Desired): void {
  const { lrm } = draft
  const { onLeaseLoss, shutdownPolicy, maxWorkers } = desired
  const isNews =
    lrm.settings.onLeaseLoss !== onLeaseLoss ||
    lrm.settings.shutdownPolicy !== shutdownPolicy ||
    lrm.settings.maxWorkers !== maxWorkers
  if (!isNews) return
  lrm.settings = { onLeaseLoss, shutdownPolicy, maxWorkers }
  writeDown(draft, (journal) => {
    journal.settings = lrm.settings
  })
}

/** Whether the orders in hand were the newest when the plane last granted a renewal: they are durable, too (S6). */
export function isNewest({ lrm }: Draft): boolean {
  return lrm.desired !== null && lrm.renewal.settledRevision === lrm.desired.revision
}

export function noteUnchanged(draft: Draft, id: number, managed: string | null = null): void {
  const { poll } = draft.lrm
  if (poll.id !== id) return
  // A replica of an older version tells none; what one has told stands as long as its orders do.
  if (managed !== null) noteTold(draft, managed)
  poll.running = false
  poll.failures = 0
  poll.dueMs = 0
}

export function notePollFailed(draft: Draft, id: number, why: string): void {
  const { poll } = draft.lrm
  if (poll.id !== id) return
  poll.running = false
  if (poll.failures === 0) say(draft, 'orders not read', { why }, 'warn')
  poll.dueMs =
    draft.nowMs + Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(poll.failures, 10))
  poll.failures += 1
}
