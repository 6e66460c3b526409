// A wait with an end, for calls to devices: whatever they do, whoever asked goes on in time.
import type { Timers } from '../../shared/clock.ts'
import { NoAnswer } from './fence-device.ts'

/** Rejects after `ms` at the latest; `work` is then told by its signal, and may end when it likes. */
export function bounded<T>(
  timers: Timers,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const timer = timers.set(() => {
      gone.abort()
      reject(new NoAnswer(`it does not answer within ${Math.round(ms / 1000)} s`))
    }, ms)
    work(gone.signal)
      .then(resolve, reject)
      .finally(() => timers.clear(timer))
  })
}

export function pause(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timers.set(resolve, ms)
  })
}
