// How the life before this one ended, from what that one noted and what the watchdog device keeps. Pure. For people: it
// says no more than is known, and where two things speak of the reset it names both.
import { bootStatusText, cardReset, type LastEnd } from '../../shared/node-health.ts'
import type { Life } from './life.ts'

export type Now = { bootId: string; bootStatus: number | null; wallMs: number }

/** How the process, or the boot, before this one ended; null: in order, or nothing is known of any. */
export function judgeLastEnd(before: Life | null, now: Now): LastEnd | null {
  const { bootId, bootStatus } = now
  if (before === null) return isReset(bootStatus) ? firstBoot(now) : null
  if (before.bootId === bootId) {
    if (before.left !== null) return null
    const uid = `${bootId} ${Math.round(before.beganMs)}`
    const guard = before.armed ? 'its watchdog was left counting' : 'its watchdog was closed'
    const why = `the agent that began at ${at(before.beganMs)} ended without a word in this same boot (killed, or crashed), before ${at(now.wallMs)}: ${guard}`
    return { uid, kind: 'agent-died', why, bootStatus: null }
  }
  if (isReset(bootStatus))
    return {
      uid: bootId,
      kind: 'watchdog-reset',
      why: `${byWatchdog(before)}; ${bootStatusText(bootStatus)}`,
      bootStatus,
    }
  if (before.left !== null)
    return {
      uid: bootId,
      kind: 'shut-down',
      why: `its agent had left in order (code ${before.left}) before its machine went down`,
      bootStatus,
    }
  const why = `its machine was not shut down: no power, a panic, a reset by hand${
    bootStatus === null ? ', or its watchdog, which keeps no record' : ''
  }; ${lastKnown(before)}; ${bootStatusText(bootStatus)}`
  return { uid: bootId, kind: 'crashed', why, bootStatus }
}

const isReset = (bootStatus: number | null) => bootStatus !== null && (bootStatus & cardReset) !== 0

function firstBoot({ bootId, bootStatus }: Now): LastEnd {
  const why = `its watchdog reset it before this agent was ever there; ${bootStatusText(bootStatus)}`
  return { uid: bootId, kind: 'watchdog-reset', why, bootStatus }
}

function byWatchdog(before: Life): string {
  const { armed, unfed, changedMs, left } = before
  if (armed && unfed !== null)
    return `its watchdog reset it: not fed since ${at(changedMs)}, because ${unfed}`
  if (left !== null && armed)
    return `its watchdog reset it: its agent had left (code ${left}) with the device open`
  if (armed)
    return `its watchdog reset it although it was to be fed (since ${at(changedMs)}): the agent was killed or held up, or the machine hung`
  return `a watchdog reset it, although its agent had none open since ${at(changedMs)}`
}

function lastKnown({ armed, unfed, changedMs }: Life): string {
  if (!armed) return `its watchdog was closed since ${at(changedMs)}`
  return `its watchdog was ${unfed === null ? 'fed' : 'not fed'} since ${at(changedMs)}`
}

const at = (wallMs: number) => new Date(wallMs).toISOString().slice(0, 19) + 'Z'
