// A node that was released, and a new process on it, until a watchdog is armed there again (rule 11, D8, D9).
import { expect, test } from 'vitest'
import { Steps, desired, order, plane, resumed, sid as web } from './steps.ts'

test('nothing is stopped for want of a lease while nothing was armed since the release, under the next epoch either', () => {
  const epoch = { number: 1, seqReserved: 10_000, planeNumber: plane.number }
  const steps = new Steps(
    resumed({ running: false, journal: { epoch: { ...epoch, state: 'released' } } }),
  )
  steps.armFails = 'another program has it'
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
  expect(steps.kinds()).toContain('ask-epoch')
  const { timing } = desired([])
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'joined', epoch: 2, planeEpoch: plane, timing },
  })
  expect(steps.lrm.epoch?.number).toBe(2)
  steps.orders(desired([order({ state: 'freeze' })], { revision: 11, mode: 'disarm' }))
  // Nothing that it sends is answered.
  for (let i = 0; i < 120; i++) {
    steps.nowMs += 1_000
    steps.tell()
  }
  expect(steps.kinds()).not.toContain('stop')
  expect(steps.lrm.state).toBe('wait_for_agent_lock')
})

/** Released, with a device that cannot be closed and is fed on; the lease of before is over when the next epoch opens. */
function joinedWithoutLease(): Steps {
  const epoch = { number: 1, seqReserved: 10_000, planeNumber: plane.number }
  const steps = new Steps(resumed({ journal: { epoch: { ...epoch, state: 'released' } } }))
  steps.device = { effectiveMs: 10_000, canClose: false }
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
  while (steps.nowMs < 131_000) {
    steps.nowMs += 1_000
    steps.tell()
  }
  expect(steps.lrm.watchdog).toMatchObject({ open: true })
  const { timing } = desired([])
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'joined', epoch: 2, planeEpoch: plane, timing },
  })
  expect(steps.lrm).toMatchObject({ lease: null, epoch: { number: 2 } })
  return steps
}

test('what an epoch has just adopted is not stopped before its first renewal can be answered', () => {
  const steps = joinedWithoutLease()
  steps.nowMs += 500
  steps.tell()
  expect(steps.kinds()).not.toContain('stop')
  steps.grant()
  steps.nowMs += 10_000
  steps.tell()
  expect(steps.kinds()).not.toContain('stop')
})

test('it is stopped, and in time, where that renewal is not answered', () => {
  const steps = joinedWithoutLease()
  const fedAt = steps.kinds().lastIndexOf('feed')
  for (let tick = 0; tick < 4; tick++) {
    steps.nowMs += 1_000
    steps.tell()
  }
  expect(steps.kinds().lastIndexOf('feed')).toBe(fedAt)
  expect(steps.last('stop')).toMatchObject({ sid: web, generation: 7 })
})

/** A later process: the epoch that was joined after the release is open, and the lease that its predecessor noted is over. */
function laterProcess(unarmed: boolean, running = false): Steps {
  const journal = unarmed ? { unarmed: true as const } : {}
  const nowMs = 400_000
  const steps = new Steps(resumed({ running, journal, nowMs }), nowMs)
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
  return steps
}

test('a later process stops nothing for want of a lease, under an epoch that was joined after the release and never armed', () => {
  const steps = laterProcess(true)
  for (let i = 0; i < 120; i++) {
    steps.nowMs += 1_000
    steps.tell()
  }
  expect(steps.kinds()).not.toContain('stop')
  expect(laterProcess(false).kinds()).toContain('stop')
  // Whatever was written down: it counts now.
  expect(laterProcess(true, true).kinds()).toContain('stop')
  expect(laterProcess(true, true).lrm.journal.unarmed).toBeUndefined()
})

test('the epoch that is joined after a release is journaled as one under which nothing was armed', () => {
  const epoch = { number: 1, seqReserved: 10_000, planeNumber: plane.number }
  const joined = (running: boolean) => {
    const journal = { epoch: { ...epoch, state: 'released' as const } }
    const nowMs = 400_000
    const steps = new Steps(resumed({ running, journal, nowMs }), nowMs)
    steps.device = { effectiveMs: 10_000, canClose: false }
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
    const { timing } = desired([])
    const answer = { status: 'joined', epoch: 2, planeEpoch: plane, timing } as const
    steps.tell({ kind: 'epoch-answered', answer })
    return steps.lrm.journal
  }
  expect(joined(false)).toMatchObject({ epoch: { number: 2, state: 'open' }, unarmed: true })
  expect(joined(true).unarmed).toBeUndefined()
})

test('nothing is armed before the disk says no more that nothing was', () => {
  const steps = laterProcess(true)
  steps.diskFull = true
  steps.grant()
  steps.orders(desired([order({ state: 'started' })], { revision: 11 }))
  steps.nowMs += 100
  steps.tell()
  expect(steps.kinds()).not.toContain('arm')
  expect(steps.lrm.journal.unarmed).toBeUndefined()
  steps.diskFull = false
  const written = steps.all.findLast((effect) => effect.kind === 'write-journal')!
  steps.tell({ kind: 'journaled', version: written.version })
  steps.nowMs += 1_100
  steps.tell()
  expect(steps.kinds()).toContain('arm')
})

test('nothing is armed after a release before the orders are known: the cluster may still be disarmed', () => {
  const steps = laterProcess(true)
  steps.grant()
  for (let i = 0; i < 20; i++) {
    steps.nowMs += 1_000
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  expect(steps.kinds()).not.toContain('arm')
  expect(steps.lrm.journal.unarmed).toBe(true)
  steps.orders(desired([order({ state: 'started' })], { revision: 11 }))
  steps.nowMs += 1_100
  steps.tell()
  expect(steps.kinds()).toContain('arm')
})
