// What a drill proves, and what of it counts: bounds from both sides, and W only ever believed where it was shown.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { proved } from '../../agent/choose-watchdog.ts'
import { openDrills } from '../../agent/drill/drills.ts'
import { type BegunDrill, judgeDrill } from '../../agent/drill/judge-drill.ts'
import { type Measured, measuredFactor, provedFactor } from '../../agent/drill/measured-factor.ts'
import { systemFiles } from '../../agent/files.ts'
import type { Watchdog } from '../../agent/watchdog/watchdog.ts'

const begun: BegunDrill = {
  ...{ uid: 'd1', bootId: 'boot-1', identity: 'device', configuredMs: 10_000, claimedMs: 10_000 },
  ...{ begunWallMs: 1_000_000, wasReset: false },
}
const next = { bootStatus: 32, bootedWallMs: 1_012_000 }
const beats = (...ms: number[]) => ms.map((at) => `b ${5_000 + at} 5000\n`).join('')

describe('a drill', () => {
  test('is bounded by the last beat from below, and by the next boot from above', () => {
    expect(judgeDrill(begun, beats(0, 100, 200, 9_900), next)).toMatchObject({
      ...{ outcome: 'fired', livedAtLeastMs: 9_900, livedAtMostMs: 14_000 },
    })
  })

  test('counts no beat that was being written when the power went', () => {
    const torn = `${beats(0, 100)}b 9900`
    expect(judgeDrill(begun, torn, next).livedAtLeastMs).toBe(100)
  })

  test('proves nothing where the device does not say that it did it', () => {
    for (const bootStatus of [0, 1, null])
      expect(judgeDrill(begun, beats(0, 9_900), { ...next, bootStatus }).outcome).toBe('unproved')
  })

  test('has no upper bound where the wall clock contradicts the beats', () => {
    const early = { ...next, bootedWallMs: 1_003_000 }
    expect(judgeDrill(begun, beats(0, 9_900), early)).toMatchObject({ livedAtMostMs: null })
  })

  test('has no upper bound where the device had said before it that it reset the machine', () => {
    expect(judgeDrill({ ...begun, wasReset: true }, beats(0, 4_900), next)).toMatchObject({
      ...{ outcome: 'fired', livedAtLeastMs: 4_900, livedAtMostMs: null },
    })
  })

  test('of a machine that lived twice as long as it should, and was reset by something else, has not fired', () => {
    const by = (bootStatus: number | null) =>
      judgeDrill(begun, beats(0, 20_100), { bootStatus, bootedWallMs: 1_030_000 }).outcome
    expect([by(0), by(null), by(32)]).toEqual(['did-not-fire', 'did-not-fire', 'fired'])
  })

  test('is not measured when its agent died in it: that fed once more', () => {
    expect(judgeDrill(begun, `${beats(0, 100)}x\n`, next)).toMatchObject({
      ...{ outcome: 'fired', livedAtLeastMs: null, livedAtMostMs: null },
    })
  })
})

describe('the factor of a device', () => {
  const known = { identity: 'device', factor: 1, isKnown: true }
  const unknown = { identity: 'device', factor: 2, isKnown: false }
  const measured = (more: Partial<Measured> = {}): Measured => ({
    ...{ identity: 'device', configuredMs: 10_000, outcome: 'fired', livedAtMostMs: 13_000 },
    ...{ livedAtLeastMs: 9_900, highest: 0, highestOfOthers: {}, ...more },
  })

  test('is raised at once by a life that was longer than was claimed, fired or not', () => {
    const drill = { configuredMs: 10_000, claimedMs: 10_000, livedAtLeastMs: 19_900, slackMs: 200 }
    expect(provedFactor(drill)).toBe(2.25)
    expect(measuredFactor(known, measured({ highest: 2.25 }))).toBe(2.25)
    expect(measuredFactor(known, measured({ highest: 2.25, outcome: 'unproved' }))).toBe(2.25)
    expect(measuredFactor(unknown, measured({ highest: 2.25, livedAtMostMs: 12_000 }))).toBe(2.25)
  })

  test('is not raised by the error of a clock and a beat', () => {
    const drill = { configuredMs: 10_000, claimedMs: 10_000, livedAtLeastMs: 10_150, slackMs: 200 }
    expect(provedFactor(drill)).toBe(1)
  })

  test('of an unknown device keeps what it lived within its claim, whatever a later drill says', () => {
    const drill = { configuredMs: 10_000, claimedMs: 20_000, livedAtLeastMs: 19_800, slackMs: 200 }
    expect(provedFactor(drill)).toBe(2)
    const later = measured({ highest: 2, livedAtLeastMs: 4_900, livedAtMostMs: 9_000 })
    expect(measuredFactor(unknown, later)).toBe(2)
  })

  test('of a known device is never below the table', () => {
    expect(measuredFactor({ ...known, factor: 2 }, measured())).toBe(2)
  })

  test('of an unknown one is lowered by an upper bound alone, in quarters upwards', () => {
    expect(measuredFactor(unknown, measured())).toBe(1.5)
    expect(measuredFactor(unknown, measured({ livedAtMostMs: null }))).toBe(2)
    expect(measuredFactor(unknown, measured({ livedAtMostMs: 70_000 }))).toBe(2)
    expect(measuredFactor(unknown, measured({ livedAtMostMs: 9_950 }))).toBe(1)
    // The disk took no beat for long before the reset: nothing is known but the clocks' word.
    expect(measuredFactor(unknown, measured({ livedAtLeastMs: 2_000 }))).toBe(2)
    expect(measuredFactor(unknown, measured({ outcome: 'unproved' }))).toBe(2)
  })

  test('of another device than was drilled is that of the table', () => {
    const other = { ...unknown, identity: 'other' }
    expect(measuredFactor(other, measured())).toBe(2)
    expect(measuredFactor(other, measured({ highestOfOthers: { other: 2.5 } }))).toBe(2.5)
  })
})

describe('the record of drills', () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-drills-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  let wallMs = 1_000_000
  let bootMs = 5_000
  const clock = { bootMs: () => bootMs, wallMs: () => wallMs, quickMs: () => 0 }
  const { begunWallMs: _, ...drill } = begun

  test('outlives the reset, is judged by the next boot alone, and keeps what was proved', () => {
    const first = openDrills(home, clock)
    expect([first.lastUid, first.result, first.measured]).toEqual([null, null, null])
    first.begin(drill)
    for (bootMs = 5_000; bootMs <= 24_900; bootMs += 100) first.beat(5_000)
    const sameBoot = openDrills(home, clock)
    sameBoot.settle('boot-1', { bootStatus: 32, bootedWallMs: 1_026_000 })
    expect([sameBoot.lastUid, sameBoot.result]).toEqual(['d1', null])
    wallMs = 1_060_000
    const after = openDrills(home, clock)
    after.settle('boot-2', { bootStatus: 32, bootedWallMs: 1_026_000 })
    expect(after.result).toMatchObject({ outcome: 'fired', livedAtLeastMs: 19_900 })
    after.noteBack()
    expect(after.result).toMatchObject({ awayMs: 40_100 })
    expect(openDrills(home, clock).measured).toMatchObject({ highest: 2.25 })
    // A quicker one later takes nothing back.
    after.begin({ ...drill, uid: 'd2', claimedMs: 22_500 })
    after.beat(bootMs)
    const third = openDrills(home, clock)
    third.settle('boot-3', { bootStatus: 32, bootedWallMs: 1_070_000 })
    expect(third.measured).toMatchObject({ highest: 2.25 })
    expect(readFileSync(join(home, 'drill.json'), 'utf8')).toContain('d2')
  })

  test('makes a device that did not fire one that cannot protect, and no other', () => {
    const info = (identity: string) => ({ class: 'qualified' as const, identity, effectiveMs: 1 })
    const of = (identity: string) => ({ info: () => info(identity) }) as unknown as Watchdog
    const drills = openDrills(home, clock)
    drills.begin(drill)
    const detail = 'it did not fire within 40 s of its last feed'
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail, identity: 'device' })
    expect(proved(of('device'), drills).info(1)).toMatchObject({
      ...{ class: 'none', note: expect.stringContaining('did not fire within 40 s') },
    })
    expect(proved(of('another'), drills).info(1)).toMatchObject({ class: 'qualified' })
    // Nor does it become a better one while another takes its place.
    drills.begin({ ...drill, uid: 'd3', identity: 'another' })
    const later = openDrills(home, clock)
    expect(later.measured).toMatchObject({ highest: 0, highestOfOthers: { device: 2.25 } })
    expect(proved(of('device'), later).info(1)).toMatchObject({ class: 'none' })
    later.begin({ ...drill, uid: 'd4' })
    expect(openDrills(home, clock).measured).toMatchObject({ highest: 2.25 })
  })

  test('is written as soon as the disk takes it, where the device did not fire', () => {
    const full = join(home, 'full')
    mkdirSync(full)
    let isFull = false
    const writeFileAtomically = (path: string, text: string) => {
      if (isFull) throw new Error('ENOSPC')
      systemFiles.writeFileAtomically(path, text)
    }
    const drills = openDrills(full, clock, { ...systemFiles, writeFileAtomically })
    drills.begin(drill)
    isFull = true
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail: '', identity: 'device' })
    drills.noteBack()
    expect(openDrills(full, clock).unfired('device')).toBeNull()
    isFull = false
    drills.noteBack()
    expect(openDrills(full, clock).unfired('device')).toMatchObject({ uid: 'd1' })
  })

  test('knows which device did not fire, even if the drill ended before it was written down', () => {
    const blank = join(home, 'blank')
    mkdirSync(blank)
    const drills = openDrills(blank, clock)
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail: '', identity: 'device' })
    expect(openDrills(blank, clock).unfired('device')).toMatchObject({ uid: 'd1' })
  })
})
