// A virtual machine that was frozen together with its watchdog (rule 13, S10): a clock of its hypervisor tells, before
// anything is fed or started, and what runs is killed at once.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { frozenMs } from '../../agent/lrm/decide/frozen.ts'
import { leaveUntil } from '../../agent/lrm/leave.ts'
import { findRtc } from '../../agent/outside-clock/rtc.ts'
import { generation, resumed, rtc, sid, Steps } from './steps.ts'

/** Between boottime and the hypervisor's clock. */
const offsetMs = 1_700_000_000_000

/** A virtual machine with an RTC on which `sid` runs; `frozen` is how long it has stood still so far. */
class Guest {
  readonly steps: Steps
  frozenMs = 0
  constructor(
    steps = Steps.running({
      virtual: true,
      clocks: { bootMs: 100_000, outsideMs: offsetMs + 100_000 },
    }),
  ) {
    this.steps = steps
  }
  pass(ms: number, grants = true): void {
    this.steps.nowMs += ms
    this.steps.outside = rtc(offsetMs + this.steps.nowMs + this.frozenMs)
    this.steps.tell()
    if (grants && this.steps.lrm.renewal.inFlight) this.steps.grant()
  }
  /** Effects of what happens from now on. */
  after(act: () => void): string[] {
    const before = this.steps.all.length
    act()
    return this.steps.all.slice(before).map((effect) => effect.kind)
  }
}

test('the first look after a freeze kills what runs, feeds nothing, and asks for a new epoch once all is gone', () => {
  const guest = new Guest()
  for (let i = 0; i < 20; i++) guest.pass(700)
  expect(guest.steps.kinds()).not.toContain('stop')
  guest.frozenMs = 10_000
  // Its lease has most of a minute left, by its own clock and by any other.
  const kinds = guest.after(() => guest.pass(1))
  expect(kinds).not.toContain('feed')
  expect(kinds).not.toContain('renew')
  expect(guest.steps.last('stop')).toMatchObject({ sid, generation, timeoutMs: 0 })
  expect(guest.steps.last('say')).toBeTruthy()
  expect(guest.steps.last('note-lease')!.lease.leaseMs).toBe(0)
  // Nor later, while it is being killed.
  expect(guest.after(() => guest.pass(5_000))).not.toContain('feed')
  guest.steps.tell({ kind: 'stopped', sid, generation, outcome: 'ok', detail: '' })
  guest.pass(1_000)
  expect(guest.steps.kinds()).toContain('close-watchdog')
  expect(guest.steps.kinds()).toContain('ask-epoch')
  expect(guest.steps.lrm.journal.epoch?.state).toBe('over')
})

test('an answer that was under way while the machine was frozen gives no lease', () => {
  const guest = new Guest()
  for (let i = 0; i < 8; i++) guest.pass(700)
  while (!guest.steps.lrm.renewal.inFlight) guest.pass(700, false)
  guest.frozenMs = 300_000
  guest.steps.outside = rtc(offsetMs + guest.steps.nowMs + guest.frozenMs)
  // The answer and the clock are read in one look.
  const kinds = guest.after(() => guest.steps.grant())
  expect(kinds).toContain('stop')
  expect(kinds).not.toContain('feed')
  expect(guest.steps.lrm.lease?.leaseMs).toBe(0)
})

test('short freezes add up within one lease', () => {
  const guest = new Guest()
  guest.pass(3_100)
  for (let i = 0; i < 6; i++) {
    guest.frozenMs += 900
    guest.pass(300, false)
  }
  expect(guest.steps.kinds()).toContain('stop')
})

test('a new process knows the freeze that its predecessor did not live to see', () => {
  const from = { virtual: true, clocks: { bootMs: 100_000, outsideMs: offsetMs + 100_000 } }
  const steps = new Steps(resumed(from))
  steps.outside = rtc(offsetMs + steps.nowMs + 120_000)
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  expect(steps.kinds()).not.toContain('feed')
  expect(steps.kinds()).not.toContain('arm')
  expect(steps.last('stop')).toMatchObject({ sid, timeoutMs: 0 })
})

test.each([
  ['its steps of a second', (ms: number) => ms],
  ['a rate that errs by 1 %', (ms: number) => ms * 1.01],
  ['a clock slewed by 1 % the other way', (ms: number) => ms * 0.99],
  ['a leap second', (ms: number) => ms + (ms > 30_000 ? 1_000 : 0)],
  ['small corrections, ahead and back', (ms: number) => ms + (Math.floor(ms / 7_000) % 2) * 400],
  ['a clock that is set back by an hour', (ms: number) => ms - (ms > 30_000 ? 3_600_000 : 0)],
])('%s are no freeze, also while the plane is away', (_, shownMs) => {
  const steps = Steps.running({ virtual: true, clocks: { bootMs: 100_000, outsideMs: offsetMs } })
  const beganMs = steps.nowMs
  const pass = (ms: number, grants: boolean) => {
    steps.nowMs += ms
    steps.outside = rtc(offsetMs + 1_000 + shownMs(steps.nowMs - beganMs))
    steps.tell()
    if (grants && steps.lrm.renewal.inFlight) steps.grant()
  }
  for (let i = 0; i < 200; i++) pass(317, true)
  const { sentMs, leaseMs } = steps.lrm.lease!
  while (steps.nowMs < sentMs + leaseMs - 30_400) pass(317, false)
  expect(steps.kinds()).not.toContain('stop')
  expect(
    steps.all.filter(({ kind }) => kind === 'say').map((one) => JSON.stringify(one)),
  ).not.toContainEqual(expect.stringContaining('frozen'))
})

test('after a clock was set back a freeze is seen again', () => {
  const guest = new Guest()
  guest.pass(700)
  guest.frozenMs = -3_600_000
  guest.pass(700)
  expect(guest.steps.kinds()).not.toContain('stop')
  guest.frozenMs += 10_000
  guest.pass(700)
  expect(guest.steps.kinds()).toContain('stop')
})

test('a released node is left alone: the plane concludes nothing from its silence', () => {
  const guest = new Guest()
  guest.pass(700)
  guest.steps.lrm = { ...guest.steps.lrm, released: true }
  guest.frozenMs = 100_000
  guest.pass(700)
  guest.pass(700)
  expect(guest.steps.kinds()).not.toContain('stop')
})

test('a start that was decided before the freeze is not carried out after it', () => {
  let bootMs = 1_000
  let outsideMs: number | null = 5_000_000
  const clock = { bootMs: () => bootMs, wallMs: () => 0, quickMs: () => 0 }
  const outside = { name: 'rtc0', stepMs: 1_000, readMs: () => outsideMs }
  const mayStart = leaveUntil({ clock, outside }, 40_000)
  bootMs += 50
  expect(mayStart()).toBe(true)
  outsideMs = null
  expect(mayStart()).toBe(true)
  outsideMs = 5_060_000
  expect(mayStart()).toBe(false)
  expect(leaveUntil({ clock, outside: null }, 1_049)()).toBe(false)
})

test('no pair of readings that a running machine can give is taken for a freeze, and none of a long one for nothing', () => {
  for (let phase = 0; phase < 1_000; phase += 37)
    for (const agedMs of [1, 999, 1_000, 30_000, 180_000])
      for (const stoodMs of [0, 10_000]) {
        const show = (ms: number) => rtc(ms).outsideMs
        const before = { bootMs: 0, outsideMs: show(phase) }
        const now = { bootMs: agedMs, outsideMs: show(phase + agedMs + stoodMs) }
        expect(frozenMs(before, now, 1_000) > 0).toBe(stoodMs > 0)
      }
})

/** A virtual machine without an RTC; the plane's clock shows `aheadMs` more than it should. */
function withoutRtc() {
  const steps = Steps.running({ virtual: true })
  return {
    steps,
    pass: (aheadMs: number): void => {
      steps.nowMs += 3_100
      steps.tell()
      steps.serverTimeMs = 7_000_000 + steps.nowMs + aheadMs
      if (steps.lrm.renewal.inFlight) steps.grant()
    },
  }
}

test('without such a clock the plane’s time in its answers tells', () => {
  const { steps, pass } = withoutRtc()
  for (const aheadMs of [0, 300, 0, -200]) pass(aheadMs)
  expect(steps.kinds()).not.toContain('stop')
  pass(60_000)
  expect(steps.last('stop')).toMatchObject({ sid, timeoutMs: 0 })
})

test('a replica whose clock lags and is put right has frozen nobody', () => {
  const { steps, pass } = withoutRtc()
  for (const aheadMs of [0, 0, -120_000, -120_000, 0, 1_000]) pass(aheadMs)
  expect(steps.kinds()).not.toContain('stop')
})

test('a clock of the hypervisor that stays in step is believed more than the plane’s', () => {
  const guest = new Guest()
  for (const aheadMs of [0, 0, 60_000, 60_000]) {
    guest.steps.serverTimeMs = 7_000_000 + guest.steps.nowMs + 3_100 + aheadMs
    guest.pass(3_100)
  }
  expect(guest.steps.kinds()).not.toContain('stop')
  expect(JSON.stringify(guest.steps.all)).toContain('the plane’s clock ran ahead')
})

test('a physical node compares nothing', () => {
  const steps = Steps.running()
  for (const serverTimeMs of [1_000, 2_000_000, 9_000_000_000]) {
    steps.nowMs += 3_100
    steps.tell()
    steps.serverTimeMs = serverTimeMs
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  expect(steps.kinds()).not.toContain('stop')
})

test('the first RTC that answers is read, and one that stops to answer says so', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-rtc-'))
  try {
    expect(findRtc(directory)).toBe(null)
    for (const name of ['rtc0', 'rtc1']) mkdirSync(join(directory, name))
    writeFileSync(join(directory, 'rtc0', 'since_epoch'), '')
    writeFileSync(join(directory, 'rtc1', 'since_epoch'), '1790000000\n')
    const rtc = findRtc(directory)
    expect(rtc).toMatchObject({ name: 'rtc1', stepMs: 1_000 })
    expect(rtc?.readMs()).toBe(1_790_000_000_000)
    rmSync(join(directory, 'rtc1', 'since_epoch'))
    expect(rtc?.readMs()).toBe(null)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
