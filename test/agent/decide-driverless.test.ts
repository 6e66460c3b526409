// An agent that comes back without a driver it had: of what it can no longer see it never says that it is stopped.
import { expect, test } from 'vitest'
import { desired, generation, order, plane, resumed, Steps } from './steps.ts'

const sid = 'vm:100'

/** The process before ran `vm:100` in this boot; this one has no driver for it, and its host shows it nothing. */
function blind(closed: Record<string, number> = {}): Steps {
  const steps = new Steps(resumed({ journal: { started: { [sid]: generation }, closed } }))
  steps.tell()
  steps.tell({ kind: 'surveyed', found: [] })
  return steps
}

/** What its driver, which is not there, answers to every stop. */
function answerStops(steps: Steps): void {
  for (const effect of steps.effects)
    if (effect.kind === 'stop')
      steps.tell({
        ...{ kind: 'stopped', sid, generation: effect.generation },
        ...{ outcome: 'unknown-service', detail: 'no such driver' },
      })
}

test('what it started there in this boot is unknown, and not ended, whatever is ordered', () => {
  const steps = blind()
  steps.orders(
    desired([order({ sid, state: 'request_stop' })], { planeEpoch: plane, revision: 11 }),
  )
  for (let second = 0; second < 30; second++) {
    answerStops(steps)
    steps.nowMs += 1_000
    if (steps.lrm.renewal.inFlight) steps.grant()
    steps.tell({ kind: 'surveyed', found: [] })
  }
  expect(steps.lrm.journal.closed).toEqual({})
  expect(steps.lrm.journal.started).toEqual({ [sid]: generation })
  expect(['unknown', 'stopping']).toContain(steps.lrm.services[sid]?.phase)
  expect(steps.kinds()).not.toContain('close-watchdog')
})

test('what it had ended for good there stays ended', () => {
  expect(blind({ [sid]: generation }).lrm.services[sid]).toBeUndefined()
})
