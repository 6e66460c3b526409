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
