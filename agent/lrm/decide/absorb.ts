// Takes one event into the draft: facts only; what follows from them is decided afterwards, all at once.
import { assertNever } from '../../../shared/assert.ts'
import { closeAllStarted } from './grants.ts'
import { type Draft, say } from './draft.ts'
import type { LrmEvent } from './effect.ts'
import { noteSignal } from './ending.ts'
import { noteEpochAnswer, noteEpochFailed } from './epoch.ts'
import type { Found } from './lrm.ts'
import { adoptPlaneEpoch, planeEpochCounts } from './plane-epoch.ts'
import { noteDesired, notePollFailed, noteUnchanged } from './poll.ts'
import { enterPhase, localService } from './records.ts'
import { noteFailed, noteGranted, noteRefused } from './renewal.ts'
import { noteFailure } from './run.ts'
import { noteStopped } from './stop.ts'
import { absorbWatchdog } from './watchdog-events.ts'

/** A disk or a host that does not answer is asked again after this. */
const retryMs = 1_000

export function absorb(draft: Draft, event: LrmEvent): void {
  const { lrm } = draft
  switch (event.kind) {
    case 'surveyed':
      return noteSurvey(draft, event.found)
    case 'survey-failed':
      lrm.joining.looking = false
      lrm.survey.running = false
      lrm.survey.retryMs = draft.nowMs + retryMs
      lrm.survey.dueMs = lrm.survey.retryMs
      return say(draft, 'the host could not be looked at', { why: event.why }, 'warn')
    case 'desired':
      return noteDesired(draft, event.id, event.desired)
    case 'desired-unchanged':
      return noteUnchanged(draft, event.id)
    case 'desired-failed':
      return notePollFailed(draft, event.id, event.why)
    case 'lease-granted':
      return noteGranted(draft, event.seq, event.answer)
    case 'lease-refused':
      return noteRefused(draft, event.seq, event.refused)
    case 'lease-failed':
      return noteFailed(draft, event.seq, event.why)
    case 'epoch-answered':
      return noteEpochAnswer(draft, event.answer)
    case 'epoch-refused': {
      const { planeEpoch, code, detail } = event.refused
      if (planeEpoch && planeEpochCounts(draft, planeEpoch)) adoptPlaneEpoch(draft, planeEpoch)
      return noteEpochFailed(draft, `${code}: ${detail}`)
    }
    case 'epoch-failed':
      return noteEpochFailed(draft, event.why)
    case 'started':
    case 'stopped':
    case 'exited':
      return noteService(draft, event)
    case 'armed':
    case 'arm-failed':
    case 'fed':
    case 'fed-late':
    case 'feed-failed':
    case 'watchdog-closed':
    case 'watchdog-close-failed':
      return absorbWatchdog(draft, event)
    case 'journaled':
      lrm.writtenVersion = Math.max(lrm.writtenVersion, event.version)
      lrm.writingVersion = null
      lrm.writeFailures = 0
      return
    case 'journal-failed':
      lrm.writingVersion = null
      lrm.writeRetryMs = draft.nowMs + retryMs
      if (lrm.writeFailures++ > 0) return
      return say(draft, 'the journal cannot be written', { why: event.why }, 'warn')
    case 'signal':
      return noteSignal(draft, event.signal)
    default:
      return assertNever(event, 'event of an unknown kind')
  }
}

type ServiceEvent = Extract<LrmEvent, { kind: 'started' | 'stopped' | 'exited' }>

/** What a driver says about one service; answers that come too late for its phase change nothing. */
function noteService(draft: Draft, event: ServiceEvent): void {
  const local = draft.lrm.services[event.sid]
  if (!local || local.generation !== event.generation) return
  if (event.kind === 'stopped') {
    if (local.phase === 'stopping') noteStopped(draft, local, event.outcome, event.detail)
  } else if (event.kind === 'exited') {
    if (local.phase === 'running') noteFailure(draft, local, 'error', event.detail)
  } else if (local.phase === 'starting') {
    if (event.outcome !== 'ok') return noteFailure(draft, local, event.outcome, event.detail)
    enterPhase(draft, local, 'running')
    say(draft, 'service running', { sid: event.sid, generation: event.generation })
  }
}

/**
 * What the drivers find on the host. A service that changed its phase while they looked is left to its own events.
 */
function noteSurvey(draft: Draft, found: Found[]): void {
  const { lrm } = draft
  const { startedMs } = lrm.survey
  lrm.survey.running = false
  for (const { sid, generation, state } of newestOf(found)) {
    const known = lrm.services[sid]
    if (known && lrm.looked && known.sinceMs > startedMs) continue
    const local = localService(draft, sid, generation)
    if (local.phase === 'starting' || local.phase === 'stopping') continue
    if (local.phase === 'running' && state === 'running') continue
    if (local.phase === 'unknown' && state === 'unknown') continue
    local.generation = generation
    enterPhase(draft, local, state)
    say(draft, 'service found', { sid, generation, state })
  }
  for (const local of Object.values(lrm.services))
    if (local.phase === 'unknown' && local.sinceMs < startedMs)
      if (!found.some((one) => one.sid === local.sid)) enterPhase(draft, local, 'idle')
  // Only a look that began after the challenge answers it.
  if (lrm.joining.looking) lrm.joining.found = found
  lrm.joining.looking = false
  if (lrm.looked) return
  lrm.looked = true
  // Of an epoch that ended with everything stopped nothing is left to be told apart from.
  if (found.length === 0 && lrm.cleaning !== null) closeAllStarted(draft, lrm.cleaning)
}

/** One entry for each service: of two generations the newer, and unknown where there is any doubt. */
function newestOf(found: Found[]): Found[] {
  const bySid = new Map<string, Found>()
  for (const one of found) {
    const other = bySid.get(one.sid)
    if (!other) bySid.set(one.sid, one)
    else
      bySid.set(one.sid, {
        sid: one.sid,
        generation: Math.max(one.generation, other.generation),
        state: 'unknown',
      })
  }
  return [...bySid.values()]
}
