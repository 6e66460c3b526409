// Takes one event into the draft: facts only; what follows from them is decided afterwards, all at once.
import { assertNever } from '../../../shared/assert.ts'
import { type Draft, say } from './draft.ts'
import { generationOf } from './grants.ts'
import type { LrmEvent } from './effect.ts'
import { noteDrillNotArmed } from './drill.ts'
import { noteSignal } from './ending.ts'
import { noteEpochAnswer, noteEpochFailed } from './epoch.ts'
import { noteManaged, noteManagedFailed } from './managed.ts'
import { noteMigrated } from './migrate.ts'
import { adoptPlaneEpoch, planeEpochCounts } from './plane-epoch.ts'
import { noteDesired, notePollFailed, noteUnchanged } from './poll.ts'
import { noteArrived, noteReceiving, noteTakenUp } from './receive.ts'
import { enterPhase } from './records.ts'
import { noteFailed, noteGranted, noteRefused } from './renewal.ts'
import { noteFailure } from './run.ts'
import { noteStopped } from './stop.ts'
import { noteSurvey } from './survey.ts'
import { absorbWatchdog } from './watchdog-events.ts'

/** A disk that does not take anything is asked again after this. */
const retryMs = 1_000

export function absorb(draft: Draft, event: LrmEvent): void {
  const { lrm } = draft
  switch (event.kind) {
    case 'surveyed':
      return noteSurvey(draft, event.found, event.blind)
    case 'desired':
      return noteDesired(draft, event.id, event.desired, event.managed)
    case 'desired-unchanged':
      return noteUnchanged(draft, event.id, event.managed)
    case 'managed':
      return noteManaged(draft, event.list)
    case 'managed-failed':
      return noteManagedFailed(draft, event.why)
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
    case 'receiving':
    case 'taken-up':
    case 'arrived':
    case 'migrated':
    case 'move-progress':
      return noteService(draft, event)
    case 'watchdog-seen':
    case 'armed':
    case 'arm-failed':
    case 'fed':
    case 'fed-late':
    case 'feed-failed':
    case 'watchdog-closed':
    case 'watchdog-close-failed':
      return absorbWatchdog(draft, event)
    case 'drill-not-begun':
      return noteDrillNotArmed(draft, event.why)
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

type MoveEvent = { kind: 'receiving' | 'taken-up' | 'arrived' | 'migrated' | 'move-progress' }
type ServiceEvent = Extract<LrmEvent, { kind: 'started' | 'stopped' | 'exited' } | MoveEvent>

/** What a driver says about one service; answers that come too late for its phase change nothing. */
function noteService(draft: Draft, event: ServiceEvent): void {
  const local = draft.lrm.services[event.sid]
  if (!local) return
  // Drivers name what runs by its marks.
  const isAdopted = generationOf(draft.lrm, event.sid, event.generation) === local.generation
  if (event.generation !== local.generation && !isAdopted) return
  switch (event.kind) {
    case 'stopped':
      if (local.phase === 'stopping') noteStopped(draft, local, event.outcome, event.detail)
      return
    case 'exited':
      // The end of what is being moved away is told by the move itself.
      if (local.phase === 'running' || local.phase === 'incoming')
        noteFailure(draft, local, 'error', event.detail)
      return
    case 'receiving':
      return noteReceiving(draft, local, event)
    case 'taken-up':
      return noteTakenUp(draft, local, event)
    case 'arrived':
      return noteArrived(draft, local)
    case 'migrated':
      return noteMigrated(draft, local, event)
    case 'move-progress':
      if (local.phase === 'migrating' && local.move) local.move.progress = event.progress
      return
    case 'started':
      if (local.phase !== 'starting') return
      if (event.outcome !== 'ok') return noteFailure(draft, local, event.outcome, event.detail)
      enterPhase(draft, local, 'running')
      say(draft, 'service running', { sid: event.sid, generation: event.generation })
  }
}
