// The second clock of a virtual machine (rule 13). Frozen by its hypervisor it goes on as if nothing had been: its own
// clocks, and with them its lease, stood still together with its watchdog, while the plane's deadline passed. A clock that
// the hypervisor keeps running has gone ahead of CLOCK_BOOTTIME by then, and that is seen before anything is fed or started.
// Then this machine's lease is over, whatever it seems to have left: what runs is killed, and a new epoch is asked for.
//
// The bound. Both clocks are compared since the lease in hand was asked for, so that errors do not add up for longer.
// In that time an outside clock may seem to have gained, though nobody froze anything: one step, since it is rounded down;
// ρ for each of the two, since both may be slewed by a time server; and half a second for a reading that was held up.
// A clock that was set ahead by more than that, by hand or by the first look at a time server, is taken for a freeze: it
// cannot be told from one, and kills once what would otherwise run twice. Small corrections (the kernel writes the time of
// a synchronised system into the RTC every 11 minutes; a leap second) stay below it. Set back, it begins anew.
import type { ClockPair, HeldLease } from '../../../shared/lease.ts'
import { clockRate } from '../../../shared/timing.ts'
import type { OutsideReading, ServerPair } from './clock-pair.ts'
import { type Draft, say } from './draft.ts'
import { leaveEpoch } from './lease.ts'

const heldUpMs = 500
/**
 * Replicas’ clocks are set by time servers of their own, and one that was frozen itself is put right at once: what they
 * say together differs by more than the hypervisor's clock, and is asked where there is no other one.
 */
const serverMs = 5_000
/** A pair older than this is not compared with any more: errors of the rates would have added up. */
const serverPairMs = 600_000

/** By how much the outside clock is ahead for certain: 0 unless this machine was frozen between the two pairs. */
export function frozenMs(before: ClockPair, now: ClockPair, stepMs: number): number {
  const agedMs = now.bootMs - before.bootMs
  const aheadMs = now.outsideMs - before.outsideMs - agedMs
  const boundMs = stepMs + heldUpMs + 2 * clockRate * Math.max(0, agedMs)
  return aheadMs > boundMs ? aheadMs : 0
}

/** First after what was heard, and before anything is fed or started by it. */
export function judgeFrozen(draft: Draft): void {
  const { lrm, nowMs, outside } = draft
  const { lease } = lrm
  if (outside === null || lease === null || lease.leaseMs === 0) return
  const now = { bootMs: nowMs, outsideMs: outside.outsideMs }
  const before = lease.clocks
  // Without an earlier pair, or set back meanwhile: what is not known of before counts from now on.
  if (!before || isSetBack(before, now, outside.stepMs)) {
    lrm.lease = { ...lease, clocks: now }
    return
  }
  const aheadMs = frozenMs(before, now, outside.stepMs)
  if (aheadMs > 0) endFrozen(draft, lease, aheadMs, outside.name)
}

function isSetBack(before: ClockPair, now: ClockPair, stepMs: number): boolean {
  return (
    frozenMs(
      { ...before, outsideMs: now.outsideMs },
      { ...now, outsideMs: before.outsideMs },
      stepMs,
    ) > 0
  )
}

/** An answer of the plane that was asked for at `sentMs`: its time, where nothing better is at hand. */
export function compareServerTime(draft: Draft, sentMs: number, serverTimeMs: number): void {
  const { lrm, nowMs } = draft
  if (!lrm.self.virtual) return
  const before = lrm.serverPair
  const now: ServerPair = { sentMs, receivedMs: nowMs, serverMs: serverTimeMs }
  // The pair that is furthest ahead stays: a replica that lags and is put right has frozen nobody.
  const isFurther = before === null || serverTimeMs - nowMs >= before.serverMs - before.receivedMs
  if (isFurther || nowMs - before.receivedMs > serverPairMs) lrm.serverPair = now
  if (before === null || nowMs - before.receivedMs > serverPairMs) return
  // At the most so much of boottime lies between the two moments at which the plane looked at its clock.
  const mostMs = nowMs - before.sentMs
  const aheadMs = serverTimeMs - before.serverMs - mostMs
  if (aheadMs <= serverMs + 2 * clockRate * mostMs) return
  if (draft.outside !== null) {
    const facts = { aheadMs: Math.round(aheadMs), clock: draft.outside.name }
    return say(draft, 'the plane’s clock ran ahead, and the hypervisor’s did not', facts, 'warn')
  }
  if (lrm.lease) endFrozen(draft, lrm.lease, aheadMs, 'the plane')
}

/**
 * SAFETY: the lease is over, with nothing left of it for a gentle stop, and noted so for a later process. After a committed
 * release the plane concludes nothing from this node's silence, and what was left running is not touched.
 */
function endFrozen(draft: Draft, lease: HeldLease, aheadMs: number, clock: string): void {
  const { lrm, outside, nowMs } = draft
  const seconds = Math.round(aheadMs / 1000)
  say(draft, 'this machine was frozen', { forMs: Math.round(aheadMs), clock }, 'error')
  if (lrm.released) {
    if (outside) lrm.lease = { ...lease, clocks: { bootMs: nowMs, outsideMs: outside.outsideMs } }
    return
  }
  lrm.lease = { ...lease, leaseMs: 0 }
  draft.leaseToNote = lrm.lease
  lrm.cleaning = `this machine was frozen for ${seconds} s`
  if (lrm.epoch !== null) leaveEpoch(draft, 'over')
}

/** The pair that goes with a request sent now. */
export function pairNow(nowMs: number, outside: OutsideReading | null): ClockPair | undefined {
  return outside === null ? undefined : { bootMs: nowMs, outsideMs: outside.outsideMs }
}
