// A bound for every wait on the database.
import { systemTimers, type Timers } from '../../shared/clock.ts'

/** Gives up waiting after `ms`; the work itself is not cancelled. */
export function withDeadline<T>(
  work: PromiseLike<T>,
  ms: number,
  timers: Timers = systemTimers,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.set(() => reject(new Error(`no answer within ${ms} ms`)), ms)
    work.then(
      (value) => {
        timers.clear(timer)
        resolve(value)
      },
      (error: unknown) => {
        timers.clear(timer)
        reject(error as Error)
      },
    )
  })
}
