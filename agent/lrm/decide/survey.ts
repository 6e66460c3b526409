// What the drivers find on the host, taken into the records. What is being started, stopped or moved by this process
// is left to its own events.
// SAFETY: a driver that does not answer has not said that anything is gone.
import { serviceType, type ServiceType } from '../../../shared/names.ts'
import { type Draft, say, writeDown } from './draft.ts'
import { closeAllStarted, generationOf } from './grants.ts'
import type { Blind, Found, LocalService, Lrm, Sid } from './lrm.ts'
import { leftHere, noteMet, rememberFound } from './met.ts'
import { enterPhase, localService } from './records.ts'
import { noteFailure } from './run.ts'

/** What could not be looked at is looked at again after this. */
const retryMs = 1_000

/** A look at the host has ended; of the kinds in `blind` nothing is known to be absent. */
export function noteSurvey(draft: Draft, marked: Found[], blind: readonly Blind[] = []): void {
  const { lrm } = draft
  noteAnswers(draft, blind)
  const blindTypes = blind.map(({ type }) => type)
  const isBlind = ({ sid }: { sid: Sid }) => blindTypes.includes(serviceType(sid))
  const found = [...marked, ...outOfSight(lrm), ...unseen(lrm, blindTypes, marked)].map((one) => {
    const generation = generationOf(lrm, one.sid, one.generation)
    return generation === one.generation ? one : { ...one, generation }
  })
  const { startedMs } = lrm.survey
  lrm.survey.running = false
  lrm.survey.seen = lrm.survey.begun
  noteMet(draft, found, blindTypes)
  for (const one of newestOf(found)) {
    const { sid, generation, state } = one
    const known = lrm.services[sid]
    if (known && lrm.looked && known.sinceMs > startedMs) continue
    const local = localService(draft, sid, generation)
    if (isLeftToEvents(local) || isNoNews(local, one)) continue
    local.generation = generation
    enterPhase(draft, local, state)
    rememberFound(draft, one)
    say(draft, 'service found', { sid, generation, state })
  }
  const isFound = (local: LocalService) => found.some((one) => one.sid === local.sid)
  for (const local of Object.values(lrm.services))
    if (local.sinceMs < startedMs && !isFound(local) && !isBlind(local)) noteGone(draft, local)
  // Only a look that began after the challenge answers it.
  if (lrm.joining.looking) {
    lrm.joining.found = [...found, ...doubts(lrm, isBlind, isFound)]
    lrm.joining.blind = blindTypes
  }
  lrm.joining.looking = false
  if (lrm.looked) return
  lrm.looked = true
  // Of an epoch that ended with everything stopped nothing is left to be told apart from.
  const isBare = found.length === 0 && blind.length === 0
  if (isBare && lrm.cleaning !== null) closeAllStarted(draft, lrm.cleaning)
}

/** Which drivers have answered in this look. One that is blind is said once, and soon asked again. */
function noteAnswers(draft: Draft, blind: readonly Blind[]): void {
  const { survey, self } = draft.lrm
  for (const type of self.drivers) {
    const why = blind.find((one) => one.type === type)?.why
    if (why === undefined) noteLooked(draft, type)
    if (why === undefined) survey.answered = { ...survey.answered, [type]: survey.begun }
    else if ((survey.answered[type] ?? 0) === survey.begun - 1)
      say(draft, 'the host could not be looked at', { type, why }, 'warn')
  }
  if (blind.length === 0) return
  survey.retryMs = draft.nowMs + retryMs
  survey.dueMs = Math.min(survey.dueMs, survey.retryMs)
}

/** What an earlier process left of this kind is known from now on, although no journal told of it. */
function noteLooked(draft: Draft, type: ServiceType): void {
  const { unlooked } = draft.lrm.journal
  if (!unlooked?.includes(type)) return
  writeDown(draft, (journal) => {
    const left = unlooked.filter((one) => one !== type)
    if (left.length > 0) journal.unlooked = left
    else delete journal.unlooked
  })
}

/** What this boot has started or met, and not ended, of kinds that nobody can look for now: most likely it runs. */
function unseen({ journal, services }: Lrm, blindTypes: readonly string[], marked: Found[]) {
  const isFound = (sid: Sid) => marked.some((one) => one.sid === sid)
  return leftHere(journal)
    .filter(([sid]) => !isFound(sid))
    .filter(([sid]) => blindTypes.includes(serviceType(sid)) && services[sid] === undefined)
    .map(([sid, generation]): Found => ({ sid, generation, state: 'unseen' }))
}

/** What was here before a look that could not tell of it. */
function doubts(
  { services }: Lrm,
  isBlind: (one: LocalService) => boolean,
  isFound: (one: LocalService) => boolean,
): Found[] {
  return Object.values(services)
    .filter((one) => one.phase !== 'idle' && isBlind(one) && !isFound(one))
    .map(({ sid, generation }) => ({ sid, generation, state: 'unseen' }))
}

/**
 * What this boot has started or met, and not ended, of a kind that this process has no driver for: nobody looks for it, so it
 * may be running. Never told as stopped; a driver that can tell, or a reboot, settles it.
 */
function outOfSight({ self, journal }: Lrm): Found[] {
  return leftHere(journal)
    .filter(([sid]) => !self.drivers.includes(serviceType(sid)))
    .map(([sid, generation]) => ({ sid, generation, state: 'unknown' }))
}

function isLeftToEvents({ phase, move }: LocalService): boolean {
  if (phase === 'migrating') return move !== null && move.waits !== null
  return phase === 'starting' || phase === 'stopping'
}

function isNoNews({ phase, generation }: LocalService, found: Found): boolean {
  if (found.state === 'unseen') return phase !== 'idle'
  if (phase !== found.state) return false
  return phase === 'running' || phase === 'unknown' || generation === found.generation
}

/** Nothing of it was found. What had been running is told by its driver. */
function noteGone(draft: Draft, local: LocalService): void {
  if (local.phase === 'unknown' || local.phase === 'unseen') return enterPhase(draft, local, 'idle')
  // Its end was never told, or it never ran, whatever its driver said.
  if (local.phase === 'running') return noteFailure(draft, local, 'error', 'nothing of it is found')
  if (local.phase === 'migrating' && !isLeftToEvents(local)) return enterPhase(draft, local, 'idle')
  if (local.phase === 'incoming' && local.move?.waits !== 'driver')
    noteFailure(draft, local, 'error', 'what was to arrive is gone')
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
