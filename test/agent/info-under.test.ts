// A watchdog that the lease leaves no time to feed is no watchdog: the node says so, and is given nothing that would wait there.
import { expect, test } from 'vitest'
import { infoUnder } from '../../agent/watchdog/info-under.ts'
import { profileNames, profiles, whyTooSlow } from '../../shared/timing.ts'
import type { WatchdogInfo } from '../../shared/node.ts'

/** As after a drill that showed that it fires no sooner than that. */
const device = (leastMs: number) => ({
  info: (timeoutMs: number): WatchdogInfo => ({
    ...{ class: 'qualified', identity: 'i6300esb' },
    effectiveMs: Math.max(timeoutMs, leastMs),
  }),
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
    'i6300esb: it may take 65 s to fire, and a lease of 60 s leaves no time to feed it: leaseMs would have to be 201000 or more',
  )
  const longer = { ...profiles.default, leaseMs: 201_000 }
  expect(infoUnder(device(65_000), longer)).toMatchObject({ class: 'qualified' })
  expect(infoUnder(device(65_000), { ...longer, leaseMs: 200_999 }).class).toBe('none')
})

test('what is none already keeps its own reason', () => {
  const info = (): WatchdogInfo => ({
    ...{ class: 'none', identity: 'none', effectiveMs: 900_000, note: 'held by sbd' },
  })
  expect(infoUnder({ info }, profiles.fast).note).toBe('held by sbd')
})
