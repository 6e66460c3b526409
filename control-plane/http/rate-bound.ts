// How often, and how many at once, one caller may ask. Kept by each replica for itself: it bounds work and audit rows, and
// nothing is judged by it. One number per caller, forgotten when there are too many.
import type { Clock } from '../../shared/clock.ts'

export type RateLimits = {
  /** So many in one go, */
  burst: number
  /** and then so many every second. */
  perSecond: number
}

/** Nobody has so many nodes on one replica; it bounds the memory. */
const mostCallers = 20_000

/** Asks for one more turn of a caller: null, or in how many seconds there may be one. */
export type RateBound = (caller: string) => number | null

/** The virtual time at which a caller is square again says all: no timers, no sweeping. */
export function rateBound(
  clock: Pick<Clock, 'bootMs'>,
  { burst, perSecond }: RateLimits,
): RateBound {
  const squareAtMs = new Map<string, number>()
  const turnMs = 1_000 / perSecond
  return (caller) => {
    const nowMs = clock.bootMs()
    const nextMs = Math.max(nowMs, squareAtMs.get(caller) ?? 0) + turnMs
    const lateMs = nextMs - nowMs - burst * turnMs
    if (lateMs > 0) return Math.ceil(lateMs / 1_000)
    if (squareAtMs.size >= mostCallers) squareAtMs.clear()
    squareAtMs.set(caller, nextMs)
    return null
  }
}
