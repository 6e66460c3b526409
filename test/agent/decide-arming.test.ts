// What the answers to "arm failed" and "how long may it count" lead to.
import { expect, test } from 'vitest'
import { profiles } from '../../shared/timing.ts'
import { desired, generation, order, plane, resumed, sid, Steps } from './steps.ts'

test('a device that is open with a timeout nobody knows (nowayout, ioctl failed) confirms and starts nothing', () => {
  const steps = new Steps(resumed({ running: false, journal: { started: {} } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  steps.armFails = '/dev/watchdog0: perl: spawnSync perl EAGAIN'
  steps.armOpen = true
  steps.orders(desired([order()]))
  for (let i = 0; i < 10; i++) {
    steps.nowMs += 500
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  expect(steps.kinds()).toContain('arm')
  const confirms = steps.all.flatMap((e) => (e.kind === 'renew' ? e.request.confirms : []))
  expect({ confirms, started: steps.kinds().includes('start') }).toEqual({
    confirms: [],
    started: false,
  })
})

test('a countdown that could not be taken over (EBUSY, for a moment) is not forgotten', () => {
  const steps = new Steps(resumed())
  steps.tell()
  steps.armFails = 'another program holds /dev/watchdog0'
  steps.tell({ kind: 'surveyed', found: [] })
  expect(steps.kinds()).toContain('arm')
  // The device still counts: nobody closed it. On an empty host it is to be taken over, or the machine is reset.
  steps.armFails = null
  const before = steps.kinds().filter((kind) => kind === 'arm').length
  for (let i = 0; i < 4; i++) {
    steps.nowMs += 1_100
    steps.tell()
  }
  expect(steps.kinds().filter((kind) => kind === 'arm').length).toBeGreaterThan(before)
})

test('an epoch the plane has lost stops nothing, also after a crash: what runs, runs on under the lease that is left', () => {
  const steps = Steps.running()
  steps.nowMs += 3_100
  steps.tell()
  const { seq } = steps.last('renew')!.request
  const planeEpoch = { ...plane, number: plane.number + 1 }
  const refused = { code: 'regressed', detail: '', planeEpoch }
  steps.tell({ kind: 'lease-refused', seq, refused })
  const { journal } = steps.last('write-journal')!
  const { sentMs, leaseMs } = steps.lrm.lease!
  const nowMs = steps.nowMs + 200
  const next = new Steps(resumed({ journal, sentMs, leaseMs, nowMs }), nowMs)
  next.tell()
  next.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  expect(next.kinds()).toContain('ask-epoch')
  expect(next.kinds()).not.toContain('stop')
  next.nowMs = sentMs + leaseMs - 3 * 10_000 + 1
  next.tell()
  expect(next.kinds()).toContain('stop')
})

test('a device that takes no feed for half of W and says that it does not count is not called armed', () => {
  for (const counting of [true, false]) {
    const steps = Steps.running()
    for (let i = 0; i < 8; i++) {
      steps.nowMs += 1_000
      steps.armFails = 'dead'
      steps.tell({ kind: 'feed-failed', why: 'EPIPE', counting })
      if (steps.lrm.renewal.inFlight) steps.grant()
    }
    const levels = steps.all.map((e) => (e.kind === 'say' ? e.level : ''))
    expect(levels).toContain('error')
    expect(steps.last('renew')!.request.armed).toBe(counting)
  }
})

test('on a full disk a new process takes over a countdown whose length the disk knows already', () => {
  const steps = new Steps(resumed())
  steps.diskFull = true
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  steps.tell({ kind: 'journal-failed', why: 'ENOSPC' })
  for (let i = 0; i < 5; i++) {
    steps.nowMs += 1_000
    steps.tell({ kind: 'journal-failed', why: 'ENOSPC' })
  }
  expect(steps.kinds()).toContain('arm')
})

test('after W was made shorter, an agent that comes again does not stop its services', () => {
  const steps = Steps.running({ timing: profiles.edge, leaseMs: profiles.edge.leaseMs })
  // edge → fast: the device is set to 3 s at once.
  steps.nowMs += 1_100
  steps.device.effectiveMs = profiles.fast.watchdogMs
  steps.orders(desired([order()], { timing: profiles.fast, revision: 11 }))
  for (let i = 0; i < 400; i++) {
    steps.nowMs += 500
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant({ leaseMs: profiles.fast.leaseMs })
  }
  expect(steps.lrm.watchdog).toMatchObject({ open: true, effectiveMs: 3_000 })
  expect(steps.kinds()).not.toContain('stop')
  const { journal } = steps.last('write-journal')!
  const { sentMs, leaseMs } = steps.lrm.lease!
  const nowMs = steps.nowMs + 300
  const next = new Steps(
    resumed({ journal: { ...journal, timing: profiles.fast }, sentMs, leaseMs, nowMs }),
    nowMs,
  )
  next.device.effectiveMs = profiles.fast.watchdogMs
  next.tell()
  next.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  expect(next.kinds()).not.toContain('stop')
})

test('a start does not wait until the lease that allows it is noted on disk', () => {
  const steps = new Steps(resumed({ running: false, journal: { started: {} } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  steps.orders(desired([order()]))
  // The first renewal told that the node is there; the next one asks for the confirm.
  steps.grant()
  const before = steps.all.length
  steps.grant()
  const effects = steps.all.slice(before).map((effect) => effect.kind)
  expect(effects).toContain('start')
  expect(effects.at(-1)).toBe('note-lease')
})

test('a device that was seen to take many times its timeout is fed within its timeout: it may fire as soon', () => {
  const steps = Steps.running({ factor: 5 })
  const { configuredMs } = steps.lrm.watchdog
  expect(configuredMs).toBe(profiles.default.watchdogMs / 5)
  const fedMs: number[] = []
  for (let i = 0; i < 100; i++) {
    steps.nowMs += 100
    steps.tell()
    if (steps.effects.some(({ kind }) => kind === 'feed')) fedMs.push(steps.nowMs)
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  const gaps = fedMs.slice(1).map((ms, at) => ms - fedMs[at]!)
  expect(gaps.length).toBeGreaterThan(5)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(configuredMs / 2)
})
