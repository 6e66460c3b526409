// The end of this process. `restart`: services run on, which needs the plane's release. `shutdown`: services are
// stopped and ended first. It never leaves with an open device and running services, unless it is asked twice.
import { type Draft, isWritten, say, wakeAt } from './draft.ts'
import { closeAllStarted } from './grants.ts'
import { isEmpty, nothingOnHost } from './lease.ts'
import { holdsGrants } from './watchdog.ts'

/** Time for two tries to take a countdown over. */
const takeOverMs = 2_000

/** SIGTERM asks for `restart`, SIGINT for `shutdown`; asked twice, it leaves as it is. */
export function noteSignal(draft: Draft, signal: 'restart' | 'shutdown'): void {
  const { lrm, nowMs } = draft
  if (lrm.ending?.kind === signal) lrm.ending.forced = true
  // A restart asked for during a shutdown is one more wish to be quick, not to keep services.
  else if (lrm.ending?.kind !== 'shutdown')
    lrm.ending = { kind: signal, forced: false, reported: false, sinceMs: nowMs }
  say(draft, 'asked to end', { kind: lrm.ending?.kind, forced: lrm.ending?.forced })
}

/** Exits once nothing is left to be done. */
export function stepEnding(draft: Draft): void {
  const { lrm } = draft
  const { ending } = lrm
  if (ending === null) return
  if (ending.forced) return exit(draft, 1, 'asked twice')
  // A disk that takes nothing any more must not keep it: what was not written down was not told either.
  if (!isWritten(draft) && lrm.writeFailures === 0) return
  // Also one that an earlier process left counting: it is taken over first, or it would reset what runs on.
  if ((lrm.watchdog.open || lrm.watchdog.running) && lrm.watchdog.canClose && !isHeldByOther(draft))
    return
  if (ending.kind === 'restart') {
    if (lrm.released) return exit(draft, 0, 'released, services run on')
    // Without an epoch nothing is promised for what an earlier process left running: the next one asks again.
    if (lrm.epoch === null) return exit(draft, 0, 'no epoch')
    if (isEmpty(lrm) && !holdsGrants(draft)) return exit(draft, 0, 'nothing runs here')
    if (isEmpty(lrm) && lrm.renewal.failures > 0)
      return exit(draft, 0, 'nothing runs here, and the plane does not answer')
    return
  }
  if (!nothingOnHost(lrm)) return
  closeAllStarted(draft, 'the node shuts down')
  if (!isWritten(draft) && lrm.writeFailures === 0) return
  if (ending.reported || !hasAnythingToReport(draft)) exit(draft, 0, 'all stopped')
}

/** It counts, but somebody else has it open: an empty or released host need not wait for that one. */
function isHeldByOther(draft: Draft): boolean {
  const { lrm, nowMs } = draft
  if (lrm.watchdog.open || !(lrm.released || isEmpty(lrm))) return false
  const untilMs = (lrm.ending?.sinceMs ?? 0) + lrm.timing.requestTimeoutMs + takeOverMs
  if (nowMs >= untilMs) return true
  wakeAt(draft, untilMs)
  return false
}

/** One last renewal tells what was ended, so that others need not wait for a proof. */
function hasAnythingToReport(draft: Draft): boolean {
  const { lrm, nowMs } = draft
  if (lrm.epoch === null || !holdsGrants(draft) || lrm.renewal.failures > 0) return false
  if (lrm.desired === null) return false
  const limitMs = (lrm.ending?.sinceMs ?? 0) + lrm.timing.stopTimeoutMs + 1_000
  if (nowMs >= limitMs) return false
  wakeAt(draft, limitMs)
  return !isClosedTold(draft)
}

function isClosedTold(draft: Draft): boolean {
  const { lrm } = draft
  return (lrm.desired?.services ?? []).every(
    ({ sid, generation }) =>
      generation === null ||
      lrm.renewal.toldClosed.some((one) => one.sid === sid && one.generation === generation),
  )
}

function exit(draft: Draft, code: number, why: string): void {
  say(draft, 'agent ends', { why })
  draft.effects.push({ kind: 'exit', code })
}
