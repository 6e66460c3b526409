// What runs under an epoch that the plane has lost runs on, all the way into the next epoch (rule 9); and F counts from the
// longest W the device may have (rule 3).
import { expect, test } from 'vitest'
import { profiles } from '../../shared/timing.ts'
import { desired, generation, order, plane, resumed, sid, Steps } from './steps.ts'

test('joining a new epoch after the old one was lost stops nothing that the old lease still covers', () => {
  const steps = Steps.running()
  // Long after the start of this process, so that nothing of a start's patience is left.
  for (let i = 0; i < 8; i++) {
    steps.nowMs += 3_100
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
  steps.nowMs += 3_100
  steps.tell()
  const { seq } = steps.last('renew')!.request
  const planeEpoch = { ...plane, number: plane.number + 1 }
  steps.tell({ kind: 'lease-refused', seq, refused: { code: 'regressed', detail: '', planeEpoch } })
  const questions = [{ sid, generation }]
  const { timing } = steps.lrm
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'challenge', nonce: 'n', questions, planeEpoch },
  })
  steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'joined', epoch: 6_000_000, planeEpoch, timing },
  })
  expect(steps.lrm.epoch?.number).toBe(6_000_000)
  expect(steps.kinds()).not.toContain('stop')
  // The old lease still limits: without a renewal of the new epoch it ends as it would have.
  const { sentMs, leaseMs } = steps.lrm.lease!
  steps.nowMs = sentMs + leaseMs - 3 * 10_000 + 1
  steps.tell()
  expect(steps.kinds()).toContain('stop')
})

test('after an arming that may have taken effect, feeding ends by the longest W tried and goes on by the shortest', () => {
  const steps = Steps.running()
  const edge = profiles.edge
  steps.armFails = '/dev/watchdog0: perl: ETIMEDOUT'
  steps.armOpen = true
  steps.nowMs += 3_100
  steps.tell()
  steps.grant({ leaseMs: edge.leaseMs })
  steps.orders(desired([order()], { timing: edge, revision: 11 }))
  for (let i = 0; i < 3; i++) {
    steps.nowMs += 1_100
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant({ leaseMs: edge.leaseMs })
  }
  expect(steps.last('arm')!.timeoutMs).toBe(edge.watchdogMs)
  const { sentMs, leaseMs } = steps.lrm.lease!
  const limitMs = sentMs + leaseMs - 3 * edge.watchdogMs
  const before = steps.all.length
  for (let second = 0; second < 10; second++) {
    steps.nowMs += 1_000
    steps.tell()
  }
  const feeds = steps.all.slice(before).filter((effect) => effect.kind === 'feed')
  // It may still be set to the old 10 s: fed at least every quarter of that.
  expect(feeds.length).toBeGreaterThanOrEqual(3)
  for (const feed of feeds) expect(feed.untilMs).toBeLessThanOrEqual(limitMs + leaseMs)
  expect(feeds.at(-1)!.untilMs).toBe(
    steps.lrm.lease!.sentMs + steps.lrm.lease!.leaseMs - 3 * edge.watchdogMs,
  )
})

test('what an earlier process left running stays under its countdown while there is no epoch, as its lease allows', () => {
  const epoch = {
    number: 1,
    seqReserved: 10_000,
    planeNumber: plane.number,
    state: 'unknown' as const,
  }
  const steps = new Steps(resumed({ journal: { epoch } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
  expect(steps.lrm.epoch).toBeNull()
  const { sentMs, leaseMs } = steps.lrm.lease!
  expect(steps.last('arm')?.untilMs).toBe(sentMs + leaseMs - 3 * 10_000)
})

test('an empty host whose device somebody else holds lets its agent end, though not at once', () => {
  const steps = new Steps(resumed({ journal: { started: {} } }))
  steps.tell()
  steps.armFails = 'another program holds /dev/watchdog0'
  steps.tell({ kind: 'surveyed', found: [] })
  steps.tell({ kind: 'signal', signal: 'shutdown' })
  expect(steps.kinds()).not.toContain('exit')
  for (let i = 0; i < 8 && !steps.kinds().includes('exit'); i++) {
    steps.nowMs += 1_100
    steps.tell()
  }
  expect(steps.kinds()).toContain('exit')
})

test('a challenge that was lost with a history is not answered for ever: under the new one it asks anew', () => {
  const steps = new Steps(resumed({ journal: { epoch: null } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  const challenge = {
    status: 'challenge' as const,
    nonce: 'lost',
    questions: [],
    planeEpoch: plane,
  }
  steps.tell({ kind: 'epoch-answered', answer: challenge })
  steps.tell({ kind: 'surveyed', found: [] })
  expect(steps.last('ask-epoch')?.nonce).toBe('lost')
  const planeEpoch = { ...plane, number: plane.number + 1 }
  const why = 'the CRM has not looked yet'
  steps.tell({ kind: 'epoch-answered', answer: { status: 'settling', why, planeEpoch } })
  steps.nowMs += 3_000
  steps.tell()
  expect(steps.last('ask-epoch')?.nonce).toBeNull()
})
