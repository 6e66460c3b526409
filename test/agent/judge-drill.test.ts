// What a drill proves, and what of it counts: bounds from both sides, and W only ever believed where it was shown.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { proved } from '../../agent/choose-watchdog.ts'
import { openDrills } from '../../agent/drill/drills.ts'
import { type BegunDrill, judgeDrill } from '../../agent/drill/judge-drill.ts'
import {
  countedFactor,
  nothingProved,
  provedByBoth,
  provedByDrill,
} from '../../agent/drill/measured-factor.ts'
import { systemFiles } from '../../agent/files.ts'
import type { WatchdogView } from '../../agent/lrm/decide/watchdog-view.ts'
import { wishedEffectiveMs, wishedTimeoutMs } from '../../agent/lrm/decide/wished-timeout.ts'
import type { Watchdog } from '../../agent/watchdog/watchdog.ts'
import { profiles } from '../../shared/timing.ts'

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

describe('what a drill proves of a device', () => {
  const drill = { configuredMs: 10_000, claimedMs: 10_000, livedAtLeastMs: 19_900, slackMs: 200 }

  test('is a longer life than was claimed, which counts at once, and at no shorter timeout', () => {
    expect(provedByDrill(drill)).toEqual({ factor: 2.25, leastMs: 10_000 })
    expect(countedFactor(1, provedByDrill(drill))).toBe(2.25)
  })

  test('is not the error of a clock and a beat', () => {
    const within = { ...drill, livedAtLeastMs: 10_150 }
    expect(provedByDrill(within)).toEqual({ factor: 1, leastMs: 0 })
  })

  test('keeps what it lived within its claim, whatever a later drill or table says', () => {
    const unknown = provedByDrill({ ...drill, claimedMs: 20_000, livedAtLeastMs: 19_800 })
    expect(unknown).toEqual({ factor: 2, leastMs: 0 })
    const quick = provedByDrill({ ...drill, claimedMs: 20_000, livedAtLeastMs: 9_900 })
    expect(provedByBoth(unknown, quick)).toEqual({ factor: 2, leastMs: 0 })
    expect(countedFactor(1, provedByBoth(unknown, quick))).toBe(2)
  })

  test('makes no device quicker than the table says: an unknown one counts double, however early it fired', () => {
    expect(countedFactor(2, provedByDrill({ ...drill, livedAtLeastMs: 4_900 }))).toBe(2)
    expect(countedFactor(2, nothingProved)).toBe(2)
  })

  test('is told of longer timeouts only: what it takes on top it may take at the shortest, too', () => {
    const [longer, shorter] = [
      provedByDrill(drill),
      provedByDrill({ ...drill, configuredMs: 5_000 }),
    ]
    expect(provedByBoth(longer, shorter)).toEqual({ factor: 4.25, leastMs: 5_000 })
    expect(provedByBoth(longer, nothingProved)).toEqual(longer)
    const watchdog = { factor: 2.25, leastMs: 10_000 } as WatchdogView
    expect(wishedTimeoutMs(watchdog, { ...profiles.default, watchdogMs: 10_000 })).toBe(10_000)
    expect(wishedEffectiveMs(watchdog, { ...profiles.default, watchdogMs: 10_000 })).toBe(22_500)
    expect(wishedTimeoutMs(watchdog, { ...profiles.default, watchdogMs: 45_000 })).toBe(20_000)
  })
})

describe('the record of drills', () => {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-drills-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  let wallMs = 1_000_000
  let bootMs = 5_000
  const clock = { bootMs: () => bootMs, wallMs: () => wallMs, quickMs: () => 0 }
  const { begunWallMs: _, ...drill } = begun
  const raised = { factor: 2.25, leastMs: 10_000 }
  const open = (at = home, machine = 'm1', files = systemFiles) =>
    openDrills({ home: at, clock, machine, files })

  test('outlives the reset, is judged by the next boot alone, and keeps what was proved', () => {
    const first = open()
    expect([first.lastUid, first.result]).toEqual([null, null])
    expect(first.proved('device')).toEqual(nothingProved)
    first.begin(drill)
    for (bootMs = 5_000; bootMs <= 24_900; bootMs += 100) first.beat(5_000)
    const sameBoot = open()
    sameBoot.settle('boot-1', { bootStatus: 32, bootedWallMs: 1_026_000 })
    expect([sameBoot.lastUid, sameBoot.result]).toEqual(['d1', null])
    wallMs = 1_060_000
    const after = open()
    after.settle('boot-2', { bootStatus: 32, bootedWallMs: 1_026_000 })
    expect(after.result).toMatchObject({ outcome: 'fired', livedAtLeastMs: 19_900 })
    after.noteBack()
    expect(after.result).toMatchObject({ awayMs: 40_100 })
    expect(open().proved('device')).toEqual(raised)
    // A quicker one later takes nothing back.
    after.begin({ ...drill, uid: 'd2', claimedMs: 22_500 })
    after.beat(bootMs)
    const third = open()
    third.settle('boot-3', { bootStatus: 32, bootedWallMs: 1_070_000 })
    expect(third.proved('device')).toEqual(raised)
    expect(readFileSync(join(home, 'drill.json'), 'utf8')).toContain('d2')
  })

  test('makes a device that did not fire one that cannot protect, and no other', () => {
    const info = (identity: string) => ({ class: 'qualified' as const, identity, effectiveMs: 1 })
    const of = (identity: string) => ({ info: () => info(identity) }) as unknown as Watchdog
    const drills = open()
    drills.begin(drill)
    const detail = 'it did not fire within 40 s of its last feed'
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail, identity: 'device' })
    expect(proved(of('device'), drills).info(1)).toMatchObject({
      ...{ class: 'none', note: expect.stringContaining('did not fire within 40 s') },
    })
    expect(proved(of('another'), drills).info(1)).toMatchObject({ class: 'qualified' })
    // Nor does it become a better one while another takes its place.
    drills.begin({ ...drill, uid: 'd3', identity: 'another' })
    const later = open()
    expect(later.proved('another')).toEqual(nothingProved)
    expect(later.proved('device')).toEqual(raised)
    expect(proved(of('device'), later).info(1)).toMatchObject({ class: 'none' })
    later.begin({ ...drill, uid: 'd4' })
    expect(open().proved('device')).toEqual(raised)
  })

  test('that comes to another machine is no drill of that one, and what it proved of the device counts there too', () => {
    const moved = join(home, 'moved')
    mkdirSync(moved)
    const first = open(moved)
    first.begin(drill)
    for (bootMs = 5_000; bootMs <= 24_900; bootMs += 100) first.beat(5_000)
    const there = open(moved, 'm2')
    there.settle('boot-2', { bootStatus: 32, bootedWallMs: wallMs + 30_000 })
    expect(there.result).toBeNull()
    expect(there.proved('device')).toEqual(raised)
    expect(open(moved).result).toMatchObject({ outcome: 'fired' })
  })

  test('is written as soon as the disk takes it, where the device did not fire', () => {
    const full = join(home, 'full')
    mkdirSync(full)
    let isFull = false
    const writeFileAtomically = (path: string, text: string) => {
      if (isFull) throw new Error('ENOSPC')
      systemFiles.writeFileAtomically(path, text)
    }
    const drills = open(full, 'm1', { ...systemFiles, writeFileAtomically })
    drills.begin(drill)
    isFull = true
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail: '', identity: 'device' })
    drills.noteBack()
    expect(open(full).unfired('device')).toBeNull()
    isFull = false
    drills.noteBack()
    expect(open(full).unfired('device')).toMatchObject({ uid: 'd1' })
  })

  test('knows which device did not fire, even if the drill ended before it was written down', () => {
    const blank = join(home, 'blank')
    mkdirSync(blank)
    const drills = open(blank)
    drills.end({ uid: 'd1', outcome: 'did-not-fire', detail: '', identity: 'device' })
    expect(open(blank).unfired('device')).toMatchObject({ uid: 'd1' })
  })
})
