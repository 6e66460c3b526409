// Waiting for something to be so, and saying what was waited for and what was seen last when it never was.
import { setTimeout as pause } from 'node:timers/promises'

export type Waiting = { what: string; timeoutMs?: number; everyMs?: number; last?: () => unknown }

/** Looks again and again until `look` answers something, and returns it. A look that throws has seen nothing. */
export async function waitFor<T>(
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  { what, timeoutMs = 10_000, everyMs = 25, last }: Waiting,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  let error: unknown = null
  for (;;) {
    try {
      const seen = await look()
      if (seen) return seen
      error = null
    } catch (cause) {
      error = cause
    }
    if (performance.now() > deadlineMs) {
      const seen = last ? `; last seen: ${JSON.stringify(last(), null, 1)}` : ''
      throw new Error(`waited ${timeoutMs} ms: ${what}${seen}`, error ? { cause: error } : {})
    }
    await pause(everyMs)
  }
}
