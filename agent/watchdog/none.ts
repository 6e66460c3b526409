// No watchdog: cannot be armed, so nothing is ever started under it.
import type { Watchdog } from './watchdog.ts'

/** `why` is shown to people: no such device, another program holds it, and so on. */
export function noWatchdog(why: string): Watchdog {
  return {
    factor: 1,
    leastMs: 0,
    info: () => ({ class: 'none', identity: 'none', effectiveMs: 0, note: why.slice(0, 500) }),
    bootStatus: () => null,
    isRunning: () => false,
    arm: () => ({ ok: false, why, open: false }),
    feed: () => ({ failed: why }),
    close: () => ({ ok: true }),
  }
}
