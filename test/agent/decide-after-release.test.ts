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
