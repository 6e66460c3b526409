// Devices that do not do as they are told, full disks, hosts that cannot be looked at: the agent neither gets stuck nor
// harms what runs.
import { describe, expect, test } from 'vitest'
import { profiles } from '../../shared/timing.ts'
import { desired, generation, order, resumed, sid, Steps } from './steps.ts'

test('a node with a service is armed and confirmed', () => {
  const steps = Steps.running()
  expect(steps.lrm.watchdog).toMatchObject({ open: true, running: true })
  expect(steps.lrm.confirmed).toEqual({ [sid]: generation })
})

test('a device that could not be armed again is not reported as armed', () => {
  const steps = Steps.running()
  steps.nowMs += 1_100
  steps.armFails = 'perl: spawnSync perl EAGAIN'
  // The cluster's W changes, so the device is to be set anew; the ioctl fails, and the device is closed.
  const timing = { ...profiles.default, watchdogMs: 8_000 }
  steps.orders(desired([order()], { timing, revision: 11 }))
  expect(
    steps.effects.length + steps.kinds().filter((kind) => kind === 'arm').length,
  ).toBeGreaterThan(1)
  for (let i = 0; i < 20; i++) {
    steps.nowMs += 1_000
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  expect(steps.kinds().filter((kind) => kind === 'arm').length).toBeGreaterThan(2)
  expect(steps.last('renew')!.request).toMatchObject({ armed: false })
})

describe('a device that cannot be closed (nowayout)', () => {
  test.each([true, false])(
    'does not keep a fenced node, empty by now, from asking for an epoch (can be closed: %s)',
    (canClose) => {
      const steps = Steps.running()
      steps.device.canClose = canClose
      steps.lrm.watchdog.canClose = canClose
      steps.nowMs += 3_100
      steps.tell()
      const seq = steps.lrm.renewal.inFlight!.seq
      steps.tell({
        kind: 'lease-refused',
        seq,
        refused: { code: 'fenced', detail: '', planeEpoch: null },
      })
      steps.tell({ kind: 'stopped', sid, generation, outcome: 'ok', detail: '' })
      for (let i = 0; i < 600; i++) {
        steps.nowMs += 1_000
        steps.tell()
      }
      expect(steps.kinds()).toContain('ask-epoch')
    },
  )

  test('one that can be closed lets an agent asked to restart end', () => {
    const steps = Steps.running()
    releaseForRestart(steps)
    expect(steps.kinds()).toContain('exit')
  })

  test('an agent asked to restart ends before it stops to feed a machine whose services run on', () => {
    const steps = Steps.running()
    steps.device.canClose = false
    steps.lrm.watchdog.canClose = false
    releaseForRestart(steps)
    let lastFedMs = 0
    for (let i = 0; i < 200 && !steps.kinds().includes('exit'); i++) {
      steps.nowMs += 1_000
      if (steps.tell().some((effect) => effect.kind === 'feed')) lastFedMs = steps.nowMs
    }
    expect({ exits: steps.kinds().includes('exit'), lastFedMs }).toMatchObject({ exits: true })
  })
})

function releaseForRestart(steps: Steps): void {
  steps.tell({ kind: 'signal', signal: 'restart' })
  steps.orders(desired([order({ state: 'freeze' })], { revision: 11 }))
  for (let i = 0; i < 5 && !steps.lrm.released; i++) {
    steps.nowMs += 100
    steps.tell()
    const sent = steps.lrm.renewal.inFlight
    if (sent) steps.grant({ released: sent.release })
  }
  expect(steps.lrm.released).toBe(true)
}

describe('a full disk', () => {
  test('is tried again after a pause, not in a busy loop that fills the log', () => {
    const steps = Steps.running()
    steps.diskFull = true
    steps.tell({ kind: 'signal', signal: 'restart' })
    steps.orders(desired([order({ uid: 'u2' })], { revision: 11 }))
    let tries = 0
    for (let i = 0; i < 100; i++) {
      const effects = steps.tell({ kind: 'journal-failed', why: 'ENOSPC' })
      tries += effects.filter((effect) => effect.kind === 'write-journal').length
    }
    expect(tries).toBeLessThan(5)
  })

  test('and SIGTERM: the released node is not reset together with its services', () => {
    const steps = Steps.running()
    steps.diskFull = true
    releaseForRestart(steps)
    for (let i = 0; i < 200; i++) {
      steps.nowMs += 1_000
      steps.tell({ kind: 'journal-failed', why: 'ENOSPC' })
    }
    const feeds = steps.kinds().filter((kind) => kind === 'feed').length
    // Neither closed nor gone: fed until t_s + L − F, and then never again.
    expect({
      closed: steps.kinds().includes('close-watchdog'),
      exits: steps.kinds().includes('exit'),
      feeds,
    }).toMatchObject({ closed: true })
  })

  test('never makes it send numbers that are not set aside on disk', () => {
    const steps = Steps.running()
    const onDisk = steps.last('write-journal')!.journal.epoch!.seqReserved
    steps.diskFull = true
    for (let i = 0; i < 12_000; i++) {
      steps.nowMs += 3_000
      steps.tell({ kind: 'journal-failed', why: 'ENOSPC' })
      if (steps.lrm.renewal.inFlight) steps.grant()
    }
    expect(steps.last('renew')!.request.seq).toBeLessThanOrEqual(onDisk)
  })
})

test('a host that cannot be looked at is looked at again after a pause: no loop that starves timers and signals', () => {
  const steps = new Steps(resumed())
  steps.tell()
  let looks = 0
  for (let i = 0; i < 100; i++)
    looks += steps
      .tell({ kind: 'surveyed', found: [], blind: [{ type: 'process', why: 'EMFILE' }] })
      .filter((effect) => effect.kind === 'survey').length
  expect(looks).toBeLessThan(5)
})

test('S11: the timeout a device runs with survives the agent; F is never computed from a shorter one', () => {
  // Set to `fast`; the journal on disk says so.
  const steps = Steps.running({
    timing: profiles.fast,
    leaseMs: profiles.fast.leaseMs,
    nowMs: 100_200,
  })
  steps.device.effectiveMs = profiles.fast.watchdogMs
  // The operator chooses `edge`: the agent hears it, gets a long lease, and sets the device to 40 s.
  steps.device.effectiveMs = profiles.edge.watchdogMs
  steps.orders(desired([order()], { timing: profiles.edge, revision: 11 }))
  for (let i = 0; i < 4; i++) {
    steps.nowMs += 600
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant({ leaseMs: profiles.edge.leaseMs })
  }
  expect(steps.lrm.watchdog.effectiveMs).toBe(profiles.edge.watchdogMs)
  const lease = steps.lrm.lease!
  const disk = steps.last('write-journal')!.journal
  // Killed at the end of the window of the old process; the device counts 40 s more. The new process resumes.
  const { sentMs } = lease
  const later = sentMs + profiles.edge.leaseMs - 3 * profiles.fast.watchdogMs - 100
  const next = new Steps(
    resumed({
      journal: disk,
      sentMs,
      leaseMs: lease.leaseMs,
      nowMs: later,
      timing: profiles.fast,
    }),
    later,
  )
  next.tell()
  next.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  // Opening the device feeds it with the 40 s it is set to: allowed until t_s + L − 120 s, not until t_s + L − 9 s.
  const arm = next.last('arm')
  expect(arm?.untilMs ?? 0).toBeLessThanOrEqual(sentMs + profiles.edge.leaseMs - 3 * 40_000)
})
