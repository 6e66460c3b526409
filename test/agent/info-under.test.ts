// A watchdog that the lease leaves no time to feed is no watchdog: the node says so, and is given nothing that would wait there.
import { expect, test } from 'vitest'
import { infoUnder } from '../../agent/watchdog/info-under.ts'
import { leastLeaseMs, profileNames, profiles, whyTooSlow } from '../../shared/timing.ts'
import type { WatchdogInfo } from '../../shared/node.ts'

/** As after a drill that showed that it fires no sooner than that. */
const device = (leastMs: number, isRunning = false) => ({
  info: (timeoutMs: number): WatchdogInfo => ({
    ...{ class: 'qualified', identity: 'i6300esb' },
    effectiveMs: Math.max(timeoutMs, leastMs),
  }),
  isRunning: () => isRunning,
})

test('each profile leaves time to feed the watchdog that it asks for', () => {
  for (const name of profileNames) {
    expect(whyTooSlow(profiles[name].watchdogMs, profiles[name])).toBe(null)
    expect(infoUnder(device(0), profiles[name]).class).toBe('qualified')
  }
})

test('one that fires too late for the lease is told as none, with the lease that it would need', () => {
  const { class: told, note, effectiveMs } = infoUnder(device(65_000), profiles.default)
  expect(told).toBe('none')
  expect(effectiveMs).toBe(65_000)
  expect(note).toBe(
    'i6300esb: it may take 65 s to fire, and a lease of 60 s leaves no time to feed it: leaseMs would have to be 204000 or more',
  )
  const longer = { ...profiles.default, leaseMs: 204_000 }
  expect(infoUnder(device(65_000), longer)).toMatchObject({ class: 'qualified' })
  expect(infoUnder(device(65_000), { ...longer, leaseMs: 203_999 }).class).toBe('none')
})

test('one that counts down is told as it is: it guards what runs here, and its proof is not to be denied', () => {
  expect(infoUnder(device(65_000, true), profiles.default).class).toBe('qualified')
})

test('a node that says that it can protect refuses no start for want of a longer lease', () => {
  // L is between F + renew + request timeout and what a start asks for.
  const timing = { ...profiles.default, leaseMs: 90_000 + 6_000 }
  expect(infoUnder(device(30_000), timing).class).toBe('none')
  expect(
    infoUnder(device(30_000), { ...timing, leaseMs: leastLeaseMs(30_000, timing) }).class,
  ).toBe('qualified')
})

test('what is none already keeps its own reason', () => {
  const info = (): WatchdogInfo => ({
    ...{ class: 'none', identity: 'none', effectiveMs: 900_000, note: 'held by sbd' },
  })
  expect(infoUnder({ info, isRunning: () => true }, profiles.fast).note).toBe('held by sbd')
})
