// Asking for a lease epoch: challenge → look at the host → answer → settled or joined.
// SAFETY: what the drivers find counts, never what the journal remembers; `stopped` is said only of what was looked for
// since the challenge and not found, after it was journaled as closed. Where a driver cannot tell, the journal may keep a grant
// here, and frees none.
import { type ServiceType, serviceType } from '../../../shared/names.ts'
import type { EpochAnswer, ServiceGeneration } from '../../../shared/protocol.ts'
import { isLengthOnDisk } from './armed.ts'
import {
  beginSurvey,
  type Draft,
  isWritten,
  say,
  sendOnlyAfterJournal,
  wakeAt,
  writeDown,
} from './draft.ts'
import type { AnswerFound } from './effect.ts'
import { closeGeneration } from './grants.ts'
import { leaseAllows, nothingOnHost } from './lease.ts'
import { freshJoining, freshRenewal } from './fresh.ts'
import type { Found, LocalPhase, Lrm, Sid } from './lrm.ts'
import { readAgain } from './managed.ts'
import { adoptPlaneEpoch, planeEpochCounts } from './plane-epoch.ts'
import { askAgain } from './poll.ts'
import { leftByEarlierBoot } from './resume.ts'
import { wishedEffectiveMs } from './wished-timeout.ts'

/** Requests of one epoch are numbered; so many numbers are set aside at once, so that a crash repeats none. */
export const seqBlock = 10_000

const firstPauseMs = 200
const longestPauseMs = 2_000

/** One step towards an epoch, for a process that has none. */
export function stepEpoch(draft: Draft): void {
  const { lrm, nowMs } = draft
  const { joining } = lrm
  if (lrm.epoch !== null || joining.running) return
  if (lrm.ending !== null && nothingOnHost(lrm)) return
  const isClosed = !lrm.watchdog.open || !lrm.watchdog.canClose
  if (lrm.cleaning !== null && !(nothingOnHost(lrm) && isClosed)) return
  if (nowMs < joining.dueMs) return wakeAt(draft, joining.dueMs)
  if (!isWritten(draft)) return
  if (joining.challenge === null) return ask(draft, null, fromRecords(draft))
  if (joining.found === null) {
    // Whatever is being started or stopped is neither running nor stopped: wait until it is one of them.
    if (!isSettled(draft) || lrm.survey.running) return
    if (nowMs < lrm.survey.retryMs) return wakeAt(draft, lrm.survey.retryMs)
    joining.looking = true
    beginSurvey(draft)
    return
  }
  const found = answers(draft.lrm, joining.challenge.questions, joining.found, joining.blind)
  for (const { sid, generation, state } of found)
    if (state === 'stopped') closeGeneration(draft, sid, generation, 'asked for, and not found')
  if (!isWritten(draft)) return
  ask(draft, joining.challenge.nonce, found)
}

const settled: readonly LocalPhase[] = ['idle', 'running', 'unseen']

function isSettled(draft: Draft): boolean {
  return Object.values(draft.lrm.services).every(({ phase }) => settled.includes(phase))
}

function ask(draft: Draft, nonce: string | null, found: AnswerFound[]): void {
  draft.lrm.joining.running = true
  draft.effects.push({ kind: 'ask-epoch', nonce, found, planeEpoch: draft.lrm.planeEpoch })
}

function fromRecords(draft: Draft): AnswerFound[] {
  return Object.values(draft.lrm.services)
    .filter((service) => service.phase !== 'idle')
    .map(({ sid, generation, phase }) => ({
      sid,
      generation,
      state: phase === 'running' ? 'running' : 'unknown',
    }))
}

/**
 * Everything found, and an answer to each question. Another generation of the same service is a doubt, as is a blind driver; but
 * what this boot has started, and nobody has seen end, is taken for running: its grant is kept here under the new epoch, and one tool
 * that hangs keeps no other service of this node from its lease.
 */
function answers(
  lrm: Lrm,
  questions: ServiceGeneration[],
  found: Found[],
  blind: readonly ServiceType[],
): AnswerFound[] {
  const isKept = ({ sid, generation, state }: Found) =>
    state === 'unseen' && isAskedAbout(questions, sid, generation) && mayRunOn(lrm, sid, generation)
  const all: AnswerFound[] = found.map((one) => {
    const { sid, generation, state } = one
    return { sid, generation, state: state === 'running' || isKept(one) ? 'running' : 'unknown' }
  })
  for (const { sid, generation } of questions) {
    const same = found.filter((one) => one.sid === sid)
    if (same.some((one) => one.generation === generation)) continue
    const isDoubtful = same.length > 0 || blind.includes(serviceType(sid)) || isOutOfSight(lrm, sid)
    all.push({ sid, generation, state: isDoubtful ? 'unknown' : 'stopped' })
  }
  return all
}

/** No driver here looks for it. What an earlier boot had of it is over all the same, and this one has begun nothing yet. */
const isOutOfSight = ({ self, cleaning }: Lrm, sid: Sid) =>
  !self.drivers.includes(serviceType(sid)) && cleaning !== leftByEarlierBoot

const isAskedAbout = (questions: ServiceGeneration[], sid: Sid, generation: number) =>
  questions.some((one) => one.sid === sid && one.generation === generation)

/**
 * Begun in this boot under this very generation, and not on its way to another node. SAFETY: of anything else this process does not
 * know that it may be here, and would give it back, unseen, under the new epoch.
 */
function mayRunOn({ journal, services }: Lrm, sid: Sid, generation: number): boolean {
  const phase = services[sid]?.phase
  if (phase !== 'running' && phase !== 'unseen') return false
  return journal.started[sid] === generation && journal.moving[sid] === undefined
}

/** The plane answered. */
export function noteEpochAnswer(draft: Draft, answer: EpochAnswer): void {
  const { joining } = draft.lrm
  joining.running = false
  if (draft.lrm.epoch !== null) return
  if (!planeEpochCounts(draft, answer.planeEpoch)) return askLater(draft)
  adoptPlaneEpoch(draft, answer.planeEpoch)
  joining.found = null
  joining.looking = false
  if (answer.status === 'settling') {
    if (joining.failures === 0) say(draft, 'epoch not settled yet', { why: answer.why })
    return askLater(draft)
  }
  joining.failures = 0
  joining.dueMs = draft.nowMs
  if (answer.status === 'challenge') {
    // The same challenge again means that this answer was not enough: no hurry to repeat it.
    if (joining.challenge?.nonce === answer.nonce) askLater(draft)
    const { nonce, questions } = answer
    joining.challenge = { nonce, questions }
    return
  }
  joined(draft, answer)
}

function joined(draft: Draft, answer: Extract<EpochAnswer, { status: 'joined' }>): void {
  const { lrm } = draft
  writeDown(draft, (journal) => {
    const planeNumber = answer.planeEpoch.number
    journal.epoch = {
      number: answer.epoch,
      seqReserved: seqBlock,
      planeNumber,
      watchdog: lrm.watchdog.class,
      drivers: [...lrm.self.drivers],
      state: 'open',
    }
    journal.timing = answer.timing
    if (lrm.unarmedSinceRelease) journal.unarmed = true
    // Of what no driver here looks for the plane was told no more than a doubt: nothing of that was granted here.
    const left = journal.unlooked?.filter((type) => lrm.self.drivers.includes(type)) ?? []
    if (left.length > 0) journal.unlooked = left
    else delete journal.unlooked
  })
  sendOnlyAfterJournal(draft)
  // Written now, so that the first start does not wait for the disk.
  if (lrm.watchdog.class !== 'none')
    isLengthOnDisk(draft, wishedEffectiveMs(lrm.watchdog, answer.timing))
  lrm.seqLimit = { upTo: 0, next: { upTo: seqBlock, version: lrm.journalVersion } }
  lrm.epoch = { number: answer.epoch, seq: 0 }
  lrm.timing = answer.timing
  // What runs was adopted, and runs on under the old lease until the new epoch's first one takes its place.
  if (!leaseAllows(draft)) lrm.lease = null
  lrm.confirmed = {}
  lrm.desired = null
  readAgain(lrm)
  askAgain(draft)
  lrm.cleaning = null
  lrm.watchdog.isNews = false
  lrm.released = false
  lrm.renewal = freshRenewal()
  lrm.joining = freshJoining()
  say(draft, 'epoch joined', { epoch: answer.epoch, planeEpoch: answer.planeEpoch.number })
}

/** Nothing came of it: again after a pause that doubles. */
export function noteEpochFailed(draft: Draft, why: string): void {
  draft.lrm.joining.running = false
  if (draft.lrm.joining.failures === 0) say(draft, 'no epoch', { why }, 'warn')
  draft.lrm.joining.found = null
  draft.lrm.joining.looking = false
  askLater(draft)
}

function askLater(draft: Draft): void {
  const { joining } = draft.lrm
  joining.dueMs =
    draft.nowMs + Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(joining.failures, 10))
  joining.failures += 1
}
