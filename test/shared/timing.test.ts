// The inequalities that every timing must keep, tried on random timings: what `timing.ts` lets through can be lived by.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { feedUntilMs, mayFeed } from '../../shared/lease.ts'
import {
  clockRate,
  feedMarginMs,
  fenceAfterMs,
  outageSurvivedMs,
  profiles,
  type Timing,
  timingFaults,
} from '../../shared/timing.ts'

const anyTiming = fc
  .record({
    watchdogMs: fc.integer({ min: 100, max: 60_000 }),
    renewMs: fc.integer({ min: 50, max: 10_000 }),
    requestTimeoutMs: fc.integer({ min: 50, max: 10_000 }),
    leaseMs: fc.integer({ min: 500, max: 300_000 }),
    marginMs: fc.integer({ min: 1, max: 5_000 }),
    silentMs: fc.integer({ min: 100, max: 60_000 }),
  })
  .map((some): Timing => ({ ...profiles.default, ...some }))

const sound = anyTiming.filter((timing) => timingFaults(timing).length === 0)
/** The rate of a clock against true time, within the bound: at most 1 + ρ times as fast, or as slow. */
const rate = fc.double({ min: 1 / (1 + clockRate), max: 1 + clockRate, noNaN: true })
const part = fc.double({ min: 0, max: 0.999, noNaN: true })

describe('a timing that is let through', () => {
  test('has a machine dead before its lease is over, whatever pauses and kills happen (rule 3)', () => {
    fc.assert(
      fc.property(sound, part, part, part, (timing, checked, paused, killed) => {
        const { watchdogMs, leaseMs } = timing
        const lease = { epoch: 1, sentMs: 0, leaseMs }
        const margin = feedMarginMs(watchdogMs)
        const checkMs = checked * feedUntilMs(lease, margin)
        expect(mayFeed(lease, margin, checkMs)).toBe(true)
        // Checked, paused for less than W, fed; killed less than W later, which feeds once more; reset W after that.
        const deadMs = checkMs + paused * watchdogMs + killed * watchdogMs + watchdogMs
        expect(deadMs).toBeLessThan(leaseMs)
      }),
    )
  })

  test('has the plane wait until every lease is over by the agent’s own clock, at any rates within the bound (rule 4, S7c)', () => {
    fc.assert(
      fc.property(sound, rate, rate, (timing, agentRate, databaseRate) => {
        // The agent counts L on its clock from the sending; the plane counts its wait from a commit that came later.
        const trueLeaseMs = timing.leaseMs / agentRate
        const trueWaitMs = fenceAfterMs(timing) / databaseRate
        expect(trueWaitMs).toBeGreaterThanOrEqual(trueLeaseMs)
      }),
    )
  })

  test('survives one lost renewal, and says how long an outage it survives for certain', () => {
    fc.assert(
      fc.property(sound, (timing) => {
        expect(outageSurvivedMs(timing)).toBeGreaterThanOrEqual(timing.renewMs)
      }),
    )
  })
})

test('a lease too short for its watchdog is refused, and the sentence says by how much', () => {
  fc.assert(
    fc.property(anyTiming, (timing) => {
      const least = 3 * timing.watchdogMs + 2 * timing.renewMs + timing.requestTimeoutMs
      const isRefused = timingFaults(timing).some((fault) => fault.startsWith('leaseMs'))
      expect(isRefused).toBe(timing.leaseMs < least)
    }),
  )
})

test.each([
  ['edge', 50_000],
  ['default', 24_000],
  ['fast', 600],
] as const)(
  'profile %s survives the outage that the documentation promises',
  (name, survivedMs) => {
    expect(timingFaults(profiles[name])).toEqual([])
    expect(outageSurvivedMs(profiles[name])).toBe(survivedMs)
  },
)
