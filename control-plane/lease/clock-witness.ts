// The second clock (rule 9): a replica pairs the database's clock with its own CLOCK_BOOTTIME at every look, and
// believes the database about a lease only where the two have advanced alike since that lease's commit.
// Pure over the pairs it is shown; must never shorten a wait.
import { clockRate } from '../../shared/timing.ts'

export type ClockPair = { databaseMs: number; bootMs: number }

/** Reading a pair takes a round trip; what differs by less than this is no step. */
const toleranceMs = 100
/** A pair a second is kept for the newest minutes, which outlasts any lease of the profiles. */
const spacingMs = 1_000
const keptPairs = 1_200

export class ClockWitness {
  /** Since the last step, oldest first. */
  private pairs: ClockPair[] = []
  private last: ClockPair | null = null

  /**
   * Takes in one reading. `uncertainMs`: how long it took; a slow one says nothing.
   * @returns the size of a step of the database's clock, or null
   */
  observe(pair: ClockPair, uncertainMs = 0): number | null {
    if (uncertainMs > toleranceMs) return null
    const last = this.last
    if (last && pair.bootMs < last.bootMs) return null
    const stepMs = last && !alike(last, pair) ? difference(last, pair) : null
    if (stepMs !== null) this.pairs = []
    const newest = this.pairs.at(-1)
    if (!newest || pair.bootMs - newest.bootMs >= spacingMs) this.pairs.push(pair)
    if (this.pairs.length > keptPairs) this.pairs.shift()
    this.last = pair
    return stepMs
  }

  /**
   * Until when a lease must be taken for held.
   * @param leaseUntilMs the fence deadline by the database's clock
   * @param committedMs when its last renewal was committed, by the database's clock
   * @param fullMs a whole lease as the plane counts it: L·(1+ρ)² + δ
   * @returns a database time, never before `leaseUntilMs`
   */
  judgedUntilMs(leaseUntilMs: number, committedMs: number, fullMs: number): number {
    const last = this.last
    if (!last) return Math.max(leaseUntilMs, committedMs + fullMs, Number.MAX_SAFE_INTEGER)
    const before = this.newestUpTo(committedMs)
    if (before && alike(before, last)) return leaseUntilMs
    // Nobody here saw the clock before that commit, or it ran differently since: as if renewed at the first pair that fits.
    const fitting = this.pairs.find((pair) => alike(pair, last)) ?? last
    return Math.max(leaseUntilMs, fitting.databaseMs + fullMs)
  }

  /** Pairs worth keeping for a successor on the same boot. */
  newest(): ClockPair | null {
    return this.last
  }

  private newestUpTo(databaseMs: number): ClockPair | null {
    let low = 0
    let high = this.pairs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.pairs[middle] as ClockPair).databaseMs <= databaseMs) low = middle + 1
      else high = middle
    }
    return this.pairs[low - 1] ?? null
  }
}

/** By how much more the database's clock advanced between two pairs than ours did. */
function difference(from: ClockPair, to: ClockPair): number {
  return to.databaseMs - from.databaseMs - (to.bootMs - from.bootMs)
}

/** Within ρ of the time between them, on either clock, and what reading a pair may err. */
function alike(from: ClockPair, to: ClockPair): boolean {
  const allowed = clockRate * Math.abs(to.bootMs - from.bootMs) + toleranceMs
  return Math.abs(difference(from, to)) <= allowed
}
