// The second clock (rule 9): a replica pairs the database's clock with its own CLOCK_BOOTTIME at every look, and
// believes the database about a lease only where the two have advanced alike since that lease's commit.
// Pure over the pairs it is shown; must never shorten a wait.
import { clockRate } from '../../shared/timing.ts'

export type ClockPair = { databaseMs: number; bootMs: number }

/** A pair with what its reading may err by: half of how long it took. */
type Reading = ClockPair & { errorMs: number }

/** What the clocks may differ by beyond their rates (rule 9). */
const toleranceMs = 100
/** What a kept pair may err by, within what its rounding and the tolerance bear. */
const exactMs = 25
/** A reading that took longer than twice this says too little. */
const largestErrorMs = 1_000
/** A pair a second is kept for the newest minutes, which outlasts any lease of the profiles. */
const spacingMs = 1_000
const keptPairs = 1_200

export class ClockWitness {
  /** Since the last step, oldest first. */
  private pairs: Reading[] = []
  private last: Reading | null = null

  /**
   * Takes in one reading: the database's clock, and ours in the middle of the time the reading took.
   * @param tookMs how long that was
   * @returns the size of a step of the database's clock, or null
   */
  observe(pair: ClockPair, tookMs = 0): number | null {
    const reading = { ...pair, errorMs: tookMs / 2 }
    const last = this.last
    if (reading.errorMs > largestErrorMs || (last && pair.bootMs < last.bootMs)) return null
    const stepMs = last && surelyStepped(last, reading) ? difference(last, reading) : null
    if (stepMs !== null) this.pairs = []
    const newest = this.pairs.at(-1)
    if (!newest || pair.bootMs - newest.bootMs >= spacingMs) this.pairs.push(reading)
    if (this.pairs.length > keptPairs) this.pairs.shift()
    this.last = reading
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
    const next = this.firstAfter(committedMs)
    const before = this.pairs[next - 1]
    if (before && surelyAlike(before, last)) return leaseUntilMs
    // Nobody here saw the clock before that commit, or it ran differently since: as if renewed at the first pair after
    // it that fits.
    const after = this.pairs.slice(next)
    const fitting = after.find((pair) => surelyAlike(pair, last)) ?? last
    return Math.max(leaseUntilMs, fitting.databaseMs + fullMs)
  }

  /** A pair that a successor on the same boot may take for exact; null: the last reading took too long. */
  newestExact(): ClockPair | null {
    const { last } = this
    if (last === null || last.errorMs > exactMs) return null
    return { databaseMs: last.databaseMs, bootMs: last.bootMs }
  }

  /** Index of the first pair taken after a moment of the database's clock. */
  private firstAfter(databaseMs: number): number {
    let low = 0
    let high = this.pairs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.pairs[middle] as Reading).databaseMs <= databaseMs) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** By how much more the database's clock advanced between two pairs than ours did. */
function difference(from: ClockPair, to: ClockPair): number {
  return to.databaseMs - from.databaseMs - (to.bootMs - from.bootMs)
}

/** Within ρ of the time between them and the tolerance, even if both readings erred as far as they may. */
function surelyAlike(from: Reading, to: Reading): boolean {
  return Math.abs(difference(from, to)) + from.errorMs + to.errorMs <= allowed(from, to)
}

/** Apart by more than rates, tolerance and the errors of both readings explain. */
function surelyStepped(from: Reading, to: Reading): boolean {
  return Math.abs(difference(from, to)) - from.errorMs - to.errorMs > allowed(from, to)
}

function allowed(from: ClockPair, to: ClockPair): number {
  return clockRate * Math.abs(to.bootMs - from.bootMs) + toleranceMs
}
