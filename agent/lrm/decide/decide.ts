// One decision of the local resource manager: what the agent knows, and what it heard → what it knows now, and what
// is to be done. Pure and synchronous: an ordered list of questions. Read this first.
import { absorb } from './absorb.ts'
import { beginSurvey, type Draft, indexOrders, startDraft, wakeAt } from './draft.ts'
import { stepDrill } from './drill.ts'
import type { Effect, LrmInput } from './effect.ts'
import { stepEnding } from './ending.ts'
import { stepEpoch } from './epoch.ts'
import { judgeFrozen } from './frozen.ts'
import { endLostEpoch, judgeState } from './lease.ts'
import { noteLife } from './life.ts'
import type { Lrm } from './lrm.ts'
import { stepManaged } from './managed.ts'
import { leaveForDrivers } from './other-drivers.ts'
import { stepPoll } from './poll.ts'
import { stepArmedAgain } from './release.ts'
import { stepRenewal } from './renewal.ts'
import { stepServices } from './services.ts'
import { feed, stepWatchdog } from './watchdog.ts'
import { leaveOutdatedEpoch } from './watchdog-events.ts'

export type LrmDecision = {
  lrm: Lrm
  /** In the order in which they are to be run. */
  effects: Effect[]
  /** When to decide again although nothing happened. */
  wakeAtMs: number
}

/** Decides. The result depends on the arguments alone. */
export function decideLrm(lrm: Lrm, input: LrmInput): LrmDecision {
  const draft = startDraft(lrm, input)
  for (const event of input.events) absorb(draft, event)
  judgeFrozen(draft)
  if (draft.lrm.looked) {
    stepArmedAgain(draft)
    endLostEpoch(draft)
    leaveOutdatedEpoch(draft)
    leaveForDrivers(draft)
    indexOrders(draft)
    stepDrill(draft)
    feed(draft)
    stepServices(draft)
    judgeState(draft)
    stepWatchdog(draft)
    stepEpoch(draft)
    stepRenewal(draft)
    stepPoll(draft)
    stepManaged(draft)
    stepEnding(draft)
  }
  look(draft)
  noteLife(draft)
  writeJournal(draft)
  if (draft.leaseToNote) draft.effects.push({ kind: 'note-lease', lease: draft.leaseToNote })
  return { lrm: draft.lrm, effects: draft.effects, wakeAtMs: draft.wakeAtMs }
}

function look(draft: Draft): void {
  const { survey } = draft.lrm
  if (survey.running) return
  if (draft.nowMs < survey.dueMs) return wakeAt(draft, survey.dueMs)
  beginSurvey(draft)
}

/** One version is written at a time; what changes meanwhile goes into the next. */
function writeJournal(draft: Draft): void {
  const { lrm } = draft
  if (lrm.writingVersion !== null || lrm.writtenVersion >= lrm.journalVersion) return
  if (lrm.writeFailures > 0 && draft.nowMs < lrm.writeRetryMs)
    return wakeAt(draft, lrm.writeRetryMs)
  lrm.writingVersion = lrm.journalVersion
  draft.effects.push({
    kind: 'write-journal',
    version: lrm.journalVersion,
    journal: lrm.journal,
  })
}
