// The end of this process: of the agent alone (`restart`: services run on, which needs the plane's release), or of its
// machine (`shutdown`, `reboot`), which goes the way the cluster's shutdown policy says. It never leaves with an open
// device and running services, unless it is asked twice, or a service cannot be stopped and the watchdog must settle it.
import type { AgentMode } from '../../../shared/node.ts'
import type { ShutdownPolicy } from '../../../shared/settings.ts'
import { type Draft, isWritten, say, wakeAt } from './draft.ts'
import { isDrilling } from './drill.ts'
import { closeAllStarted } from './grants.ts'
import { isEmpty, nothingOnHost } from './lease.ts'
import type { Ending, EndingWay, Lrm } from './lrm.ts'
import { isHeldStill } from './release.ts'
import { holdsGrants } from './watchdog.ts'

/** Time for two tries to take a countdown over. */
const takeOverMs = 2_000
/** Beyond the longest timeout of a stop: kill, look twice, and again. */
const stopGraceMs = 10_000

/** Asked again, whatever for, it leaves as it is. */
export function noteSignal(draft: Draft, signal: Ending['kind']): void {
  const { lrm, nowMs } = draft
  const { ending } = lrm
  if (ending === null) {
    const way = wayOf(lrm, signal)
    lrm.ending = { kind: signal, way, forced: false, sinceMs: nowMs, stoppedMs: null }
  } else if (ending.kind === signal) ending.forced = true
  // The machine goes down, and the agent need not be there again at once.
  else if (ending.kind === 'restart') {
    ending.kind = signal
    ending.way = wayOf(lrm, signal)
  }
  const { kind, way, forced } = lrm.ending!
  say(draft, 'asked to end', { kind, way, forced })
}

/** In a disarmed cluster nothing is touched: what runs is the machine's own business. */
function wayOf(lrm: Lrm, kind: Ending['kind']): EndingWay {
  if (kind === 'restart' || lrm.desired?.mode === 'disarm') return 'leave'
  const policy: ShutdownPolicy = lrm.settings.shutdownPolicy
  if (policy !== 'conditional') return policy
  return kind === 'reboot' ? 'freeze' : 'failover'
}

/** What this agent says it does as a whole. A manual maintenance stays what it is, whatever the policy. */
export function modeOf(lrm: Lrm): AgentMode {
  const { ending, desired } = lrm
  const ordered = desired?.mode ?? 'active'
  // Whatever is ordered meanwhile: a node that is about to be reset by its drill takes nothing.
  if (isDrilling(lrm) && lrm.watchdog.class !== 'none' && ordered !== 'disarm') return 'maintenance'
  if (ending === null || ordered === 'disarm') return ordered
  if (ending.way === 'migrate') return 'maintenance'
  if (ending.way === 'leave') return 'restart'
  if (ordered === 'maintenance') return ordered
  return ending.way === 'freeze' ? 'restart' : 'shutdown'
}

/** Exits once nothing is left to be done. */
export function stepEnding(draft: Draft): void {
  const { lrm } = draft
  const { ending } = lrm
  if (ending === null) return
  if (ending.forced) return exit(draft, 1, 'asked twice')
  // A disk that takes nothing any more must not keep it: what was not written down was not told either.
  if (!isWritten(draft) && lrm.writeFailures === 0) return
  if (ending.way === 'freeze' || ending.way === 'failover') return stepStopped(draft, ending)
  if (isWatchdogInTheWay(draft)) return
  if (lrm.released) return exit(draft, 0, 'released, services run on')
  // Without an epoch nothing is promised for what an earlier process left running: the next one asks again.
  if (lrm.epoch === null && (ending.way === 'leave' || nothingOnHost(lrm)))
    return exit(draft, 0, 'no epoch')
  if (isEmpty(lrm) && !holdsGrants(draft)) return exit(draft, 0, 'nothing runs here')
  if (isEmpty(lrm) && lrm.renewal.failures > 0)
    return exit(draft, 0, 'nothing runs here, and the plane does not answer')
}

/** Everything is stopped first; then the plane is told, and has to freeze it where that is the policy. */
function stepStopped(draft: Draft, ending: Ending): void {
  const { lrm, nowMs } = draft
  if (!nothingOnHost(lrm)) {
    if (lrm.released && !isWatchdogInTheWay(draft)) return exit(draft, 1, 'released')
    const limitMs = ending.sinceMs + longestStopMs(lrm) + stopGraceMs
    const isStuck = Object.values(lrm.services).some((one) => one.stopFailure !== null)
    if (isStuck && nowMs >= limitMs)
      return exit(draft, 1, 'something does not stop: the watchdog will reset this node')
    return wakeAt(draft, limitMs)
  }
  ending.stoppedMs ??= nowMs
  closeAllStarted(draft, 'the node shuts down')
  if (!isWritten(draft) && lrm.writeFailures === 0) return
  if (isWatchdogInTheWay(draft)) return
  if (isTold(draft, ending)) exit(draft, 0, 'all stopped')
}

function longestStopMs({ desired, timing }: Lrm): number {
  const orders = (desired?.services ?? []).map((order) => order.stopTimeoutMs)
  return Math.max(timing.stopTimeoutMs, ...orders)
}

/** Open, or left counting by an earlier process: it is closed, or taken over first, or it would reset what runs on. */
function isWatchdogInTheWay(draft: Draft): boolean {
  const { watchdog } = draft.lrm
  return (watchdog.open || watchdog.running) && watchdog.canClose && !isHeldByOther(draft)
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

/** The plane knows what was ended, so that others need not wait for a proof; and has frozen it, or cannot be asked. */
function isTold(draft: Draft, ending: Ending): boolean {
  const { lrm, nowMs } = draft
  if (lrm.epoch === null || lrm.desired === null || lrm.renewal.failures > 0) return true
  const limitMs = (ending.stoppedMs ?? nowMs) + lrm.timing.silentMs + lrm.timing.requestTimeoutMs
  if (nowMs >= limitMs) return true
  wakeAt(draft, limitMs)
  if (holdsGrants(draft) && !isClosedTold(draft)) return false
  return modeOf(lrm) !== 'restart' || (!holdsGrants(draft) && isHeldStill(draft))
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
