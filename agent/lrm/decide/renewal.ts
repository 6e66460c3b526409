// Renewing the lease: one request at a time, every renewMs, and at once when there is something to confirm or to tell.
// SAFETY: t_s is taken here, before the request exists, and belongs to its `seq` alone.
import { betterLease } from '../../../shared/lease.ts'
import type { LeaseAnswer, ServiceGeneration } from '../../../shared/protocol.ts'
import { isArmed } from './armed.ts'
import { type Draft, say, wakeAt, writeDown } from './draft.ts'
import type { Refused } from './effect.ts'
import { seqBlock } from './epoch.ts'
import { compareServerTime, pairNow } from './frozen.ts'
import { closedUpTo } from './grants.ts'
import { leaveEpoch } from './lease.ts'
import type { SentRenewal } from './lrm.ts'
import { adoptPlaneEpoch, planeEpochCounts } from './plane-epoch.ts'
import { askAgain } from './poll.ts'
import { type Body, compose } from './renewal-body.ts'
import { noteReleased } from './release.ts'

const firstPauseMs = 250

/** Sends the next renewal if it is due, or if it would say anything new. */
export function stepRenewal(draft: Draft): void {
  const { lrm, nowMs } = draft
  const { renewal, epoch, planeEpoch } = lrm
  if (epoch === null || planeEpoch === null || renewal.inFlight !== null) return
  if (lrm.writtenVersion < lrm.sendAfterVersion) return
  const body = compose(draft)
  const key = newsIn(body)
  const isNews = keyWith(key, body.confirms) !== renewal.answeredKey && renewal.failures === 0
  // With one request in flight at a time, news sent while the device is being armed would keep the confirm waiting.
  const isHeldBack = draft.isArming && draft.wishes.length > 0 && !isArmed(lrm)
  if ((!isNews || isHeldBack) && nowMs < renewal.dueMs) return wakeAt(draft, renewal.dueMs)
  if (!reserveSeq(draft)) return
  epoch.seq += 1
  renewal.inFlight = {
    ...{ seq: epoch.seq, sentMs: nowMs, key, planeEpoch: planeEpoch.number },
    clocks: pairNow(nowMs, draft.outside),
    ...{ revision: body.revision, release: body.release },
    ...{ confirms: body.confirms, closed: body.closed },
  }
  const { clusterUuid, nodeUid, bootId } = lrm.self
  const head = { clusterUuid, nodeUid, epoch: epoch.number, bootId, seq: epoch.seq, planeEpoch }
  const timeoutMs = lrm.timing.requestTimeoutMs
  renewal.saidRevision = body.revision
  draft.effects.push({ kind: 'renew', request: { ...head, ...body }, timeoutMs })
  // While the plane commits, the host is made ready for what will most likely be confirmed.
  for (const { sid, generation } of body.confirms)
    if (lrm.services[sid]?.phase === 'idle')
      draft.effects.push({ kind: 'prepare', sid, generation })
}

/**
 * What is worth a renewal of its own. A start under way is not: its end is, which most often follows at once. Nor is the
 * progress of a move: it goes with whatever is sent.
 */
function newsIn(body: Body): string {
  const running = body.running
    .filter(({ state }) => state !== 'starting')
    .map((one) => ({ ...one, progress: undefined }))
  return JSON.stringify({ ...body, running, confirms: [] })
}

/** Confirms count as news as long as they are asked for and not given. */
function keyWith(key: string, confirms: ServiceGeneration[]): string {
  return key + JSON.stringify(confirms)
}

/** Whether the next number is set aside on disk; sets more aside in good time. */
function reserveSeq(draft: Draft): boolean {
  const { lrm } = draft
  const { epoch } = lrm
  if (epoch === null) return false
  const { next } = lrm.seqLimit
  if (next !== null && lrm.writtenVersion >= next.version)
    lrm.seqLimit = { upTo: next.upTo, next: null }
  if (lrm.seqLimit.next === null && epoch.seq + seqBlock / 10 >= lrm.seqLimit.upTo) {
    const upTo = epoch.seq + seqBlock
    const version = writeDown(draft, (journal) => {
      if (journal.epoch) journal.epoch.seqReserved = upTo
    })
    lrm.seqLimit = { ...lrm.seqLimit, next: { upTo, version } }
  }
  return epoch.seq < lrm.seqLimit.upTo
}

/** The renewal was granted: the lease counts from its own sending. */
export function noteGranted(draft: Draft, seq: number, answer: LeaseAnswer): void {
  const { lrm } = draft
  const sent = takeSent(draft, seq)
  if (sent === null || answer.seq !== seq || answer.epoch !== lrm.epoch?.number) return
  if (!planeEpochCounts(draft, answer.planeEpoch)) return retryLater(draft, 'stale plane epoch')
  adoptPlaneEpoch(draft, answer.planeEpoch)
  const { renewal } = lrm
  if (renewal.failures > 0) say(draft, 'lease renewed again', { after: renewal.failures })
  renewal.failures = 0
  renewal.dueMs = sent.sentMs + lrm.timing.renewMs
  lrm.lease = betterLease(lrm.lease, {
    ...{ epoch: answer.epoch, sentMs: sent.sentMs, leaseMs: answer.leaseMs },
    ...(sent.clocks && { clocks: sent.clocks }),
  })
  draft.leaseToNote = lrm.lease
  const isSamePlane = answer.planeEpoch.number === sent.planeEpoch
  if (isSamePlane) {
    const open = sent.confirms.filter(({ sid, generation }) =>
      answer.confirmed.every((one) => one.sid !== sid || one.generation !== generation),
    )
    renewal.answeredKey = keyWith(sent.key, open)
    renewal.toldClosed = sent.closed
    takeConfirms(draft, sent, answer)
  }
  renewal.settledRevision =
    isSamePlane && answer.revision === sent.revision ? answer.revision : null
  if (sent.release && answer.released) noteReleased(draft)
  // Told of newer orders twice, and they did not come: a doorbell was lost.
  if (answer.revision > (lrm.desired?.revision ?? 0) && answer.revision === renewal.toldRevision)
    askAgain(draft)
  renewal.toldRevision = answer.revision
  renewal.unguarded = answer.unguarded
  compareServerTime(draft, sent.sentMs, answer.serverTimeMs)
}

function takeConfirms(draft: Draft, sent: SentRenewal, answer: LeaseAnswer): void {
  const { lrm } = draft
  for (const { sid, generation } of answer.confirmed) {
    const asked = sent.confirms.some((one) => one.sid === sid && one.generation === generation)
    if (!asked || closedUpTo(lrm, sid) >= generation) continue
    lrm.confirmed[sid] = generation
    // Its driver is told with the next look that it is this node's now.
    if (lrm.journal.adopted?.[sid]?.generation === generation) lrm.survey.dueMs = draft.nowMs
  }
}

/** The request in flight, if `seq` is its number; it is in flight no more. */
function takeSent(draft: Draft, seq: number): SentRenewal | null {
  const { renewal } = draft.lrm
  if (renewal.inFlight?.seq !== seq) return null
  const sent = renewal.inFlight
  renewal.inFlight = null
  return sent
}

/** The plane refused. */
export function noteRefused(draft: Draft, seq: number, refused: Refused): void {
  const { lrm } = draft
  if (takeSent(draft, seq) === null) return
  if (refused.code === 'fenced') {
    say(draft, 'fenced', { epoch: lrm.epoch?.number, detail: refused.detail }, 'warn')
    leaveEpoch(draft, 'fenced')
    lrm.cleaning = 'fenced'
    return
  }
  if (refused.code === 'plane-epoch' && refused.planeEpoch) {
    const before = lrm.planeEpoch?.number
    if (planeEpochCounts(draft, refused.planeEpoch)) adoptPlaneEpoch(draft, refused.planeEpoch)
    if (lrm.planeEpoch?.number !== before) {
      lrm.renewal.dueMs = draft.nowMs
      lrm.renewal.failures = 0
      return
    }
  }
  if (
    refused.code === 'regressed' &&
    refused.planeEpoch &&
    planeEpochCounts(draft, refused.planeEpoch)
  ) {
    // The history in which this epoch was given is lost. What runs, runs on under the lease that is left; a new epoch
    // adopts it (rule 9).
    adoptPlaneEpoch(draft, refused.planeEpoch)
    say(draft, 'epoch unknown to the plane', { epoch: lrm.epoch?.number }, 'warn')
    return leaveEpoch(draft, 'unknown')
  }
  if (refused.code === 'release-refused') {
    // Nothing was renewed by it either: the next renewal, sent at once, asks for the lease alone.
    lrm.renewal.noReleaseBeforeMs = draft.nowMs + lrm.timing.renewMs
    return say(draft, 'release refused', { detail: refused.detail })
  }
  // A number the plane has already seen: numbers were lost here. Jump ahead of them.
  if (refused.code === 'stale' && lrm.epoch)
    lrm.epoch.seq = Math.max(lrm.epoch.seq, lrm.seqLimit.upTo)
  retryLater(draft, `${refused.code}: ${refused.detail}`)
}

/** No answer came. */
export function noteFailed(draft: Draft, seq: number, why: string): void {
  if (takeSent(draft, seq) !== null) retryLater(draft, why)
}

function retryLater(draft: Draft, why: string): void {
  const { renewal, timing } = draft.lrm
  if (renewal.failures === 0) say(draft, 'lease not renewed', { why }, 'warn')
  renewal.dueMs =
    draft.nowMs + Math.min(timing.renewMs, firstPauseMs * 2 ** Math.min(renewal.failures, 10))
  renewal.failures += 1
}
