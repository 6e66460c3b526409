// The clocks a process may read, and the timers it may set. Nothing in a `decide/`, `cluster/` or `intake/` room may use
// either: there, time is a field of the input.
import { readFileSync } from 'node:fs'

export interface Clock {
  /** Milliseconds of CLOCK_BOOTTIME: never steps, and goes on through suspend. Leases are counted on it. */
  bootMs(): number
  /** Wall clock, milliseconds since 1970. For people only: it may step, so nothing is decided on it. */
  wallMs(): number
  /** Milliseconds that only ever grow, of no known origin: costs nothing to read, so it is for caches and pacing. */
  quickMs(): number
}

/** What `Timers.set` hands back, to clear it by. */
export type Timer = object

/** Calls back later. Behind a seam, so that a whole cluster can live in virtual time. */
export interface Timers {
  /** Calls `call` once, `ms` from now or as soon after that as there is time. */
  set(call: () => void, ms: number): Timer
  /** What was cleared is never called; null and what was called already are let pass. */
  clear(timer: Timer | null): void
}

/** A call that need not wait: `setTimeout` would take a whole millisecond. What has arrived meanwhile is heard before. */
class Soon {
  readonly handle: NodeJS.Immediate
  constructor(call: () => void) {
    this.handle = setImmediate(call)
  }
}

/** The timers of this process. */
export const systemTimers: Timers = {
  set: (call, ms) => (ms > 0 ? setTimeout(call, ms) : new Soon(call)),
  clear(timer) {
    if (timer instanceof Soon) clearImmediate(timer.handle)
    else clearTimeout((timer ?? undefined) as NodeJS.Timeout | undefined)
  },
}

/**
 * The machine's clocks.
 *
 * Node.js offers only CLOCK_MONOTONIC, which stands still in suspend. /proc/uptime is CLOCK_BOOTTIME, in steps of
 * 10 ms. So: the fine monotonic clock plus an offset, and the offset grows as soon as /proc/uptime has run ahead.
 */
export function systemClock(): Clock {
  let offsetMs = 0
  return {
    bootMs() {
      const fineMs = Number(process.hrtime.bigint() / 1000n) / 1000
      const uptimeMs = uptimeFromProc()
      // 20 ms: the file's own step twice over, so that rounding alone never moves the offset.
      if (uptimeMs > fineMs + offsetMs + 20) offsetMs = uptimeMs - fineMs
      return fineMs + offsetMs
    },
    wallMs: () => Date.now(),
    quickMs: () => performance.now(),
  }
}

function uptimeFromProc(): number {
  const text = readFileSync('/proc/uptime', 'latin1')
  return Number(text.slice(0, text.indexOf(' '))) * 1000
}
