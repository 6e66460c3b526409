import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'

const fullMs = 61_706

/** Shows the witness one pair a second; `rate` is how fast the database's clock runs. */
function watch(witness: ClockWitness, from: number, seconds: number, offset: number, rate = 1) {
  for (let second = 0; second <= seconds; second += 1)
    witness.observe({
      bootMs: from + second * 1000,
      databaseMs: from + offset + second * 1000 * rate,
    })
}

describe('the second clock (rule 9)', () => {
  test('believes the database about a lease committed while it watched', () => {
    const witness = new ClockWitness()
    watch(witness, 1_000, 100, 5_000)
    expect(witness.judgedUntilMs(60_000, 20_000, fullMs)).toBe(60_000)
  })

  test('counts a lease committed before it watched as renewed at its first pair', () => {
    const witness = new ClockWitness()
    watch(witness, 50_000, 100, 0)
    expect(witness.judgedUntilMs(60_000, 10_000, fullMs)).toBe(50_000 + fullMs)
  })

  test('after a forward step counts every older lease as renewed after the step (S7a)', () => {
    const witness = new ClockWitness()
    watch(witness, 0, 30, 0)
    watch(witness, 31_000, 2, 90_000)
    const judged = witness.judgedUntilMs(60_600, 3_000, fullMs)
    expect(judged).toBe(31_000 + 90_000 + fullMs)
  })

  test('does not believe a clock slewed faster than the bound (S7b)', () => {
    const witness = new ClockWitness()
    watch(witness, 0, 62, 0, 1.083)
    expect(witness.judgedUntilMs(60_000, 3_000, fullMs)).toBeGreaterThan(60_000)
  })

  test('after a backward step does not shorten anything (S7d)', () => {
    const witness = new ClockWitness()
    watch(witness, 0, 30, 3_600_000)
    watch(witness, 31_000, 5, 0)
    expect(witness.judgedUntilMs(3_690_000, 3_629_000, fullMs)).toBeGreaterThanOrEqual(3_690_000)
  })

  test('a witness without a pair judges nobody', () => {
    expect(new ClockWitness().judgedUntilMs(1, 0, fullMs)).toBeGreaterThan(1e15)
  })

  test('a reading that took long is taken for no step as far as it may err, and too long says nothing', () => {
    const witness = new ClockWitness()
    witness.observe({ bootMs: 0, databaseMs: 0 })
    expect(witness.observe({ bootMs: 1_000, databaseMs: 1_400 }, 800)).toBeNull()
    expect(witness.observe({ bootMs: 2_000, databaseMs: 92_000 }, 3_000)).toBeNull()
    expect(witness.observe({ bootMs: 3_000, databaseMs: 93_000 }, 5)).toBeCloseTo(89_600)
  })

  test('judges by readings over a slow link, but not where their errors could hide a step', () => {
    const witness = new ClockWitness()
    for (let second = 0; second <= 70; second += 1)
      witness.observe({ bootMs: second * 1000, databaseMs: second * 1000 }, 300)
    expect(witness.judgedUntilMs(62_000, 1_500, fullMs)).toBe(62_000)
    expect(witness.judgedUntilMs(69_500, 69_000, fullMs)).toBeGreaterThan(69_500)
  })

  test('leaves to a successor no reading that may err by more than the successor allows for', () => {
    const witness = new ClockWitness()
    expect(witness.newestExact()).toBeNull()
    witness.observe({ bootMs: 1_000, databaseMs: 5_000 }, 50)
    expect(witness.newestExact()).toEqual({ bootMs: 1_000, databaseMs: 5_000 })
    witness.observe({ bootMs: 2_000, databaseMs: 6_060 }, 150)
    expect(witness.newestExact()).toBeNull()
  })

  test('never judges a lease over while less than it has passed on its own clock', () => {
    const steps = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 4 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 60 }), (jumps, grantedAt) => {
        const witness = new ClockWitness()
        let offset = 0
        let until = 0
        let committed = 0
        let bootMs = 0
        for (let second = 0; second <= 150; second += 1) {
          bootMs = second * 1000
          const jump = second % 25 === 20 ? jumps[Math.floor(second / 25)] : undefined
          offset += jump ?? 0
          const databaseMs = bootMs + offset
          witness.observe({ bootMs, databaseMs })
          if (second === grantedAt) {
            committed = databaseMs
            until = databaseMs + fullMs
          }
          if (second <= grantedAt) continue
          const isOver = witness.judgedUntilMs(until, committed, fullMs) <= databaseMs
          const realMs = bootMs - grantedAt * 1000
          // What the pairs may err by is far less than δ and the rate margin together.
          if (isOver) expect(realMs).toBeGreaterThanOrEqual(60_000)
        }
      }),
    )
  })
})
