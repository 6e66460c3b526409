// A service that could not be stopped, in a cluster that is then disarmed: frozen means untouched, also for what is stuck.
import { expect, test } from 'vitest'
import { desired, generation, order, sid, Steps } from './steps.ts'

const stops = (steps: Steps) => steps.kinds().filter((kind) => kind === 'stop').length

/** Ten seconds in which every stop fails and every renewal is granted. */
function tenSeconds(steps: Steps): void {
  for (let tick = 0; tick < 20; tick++) {
    if (steps.lrm.services[sid]?.phase === 'stopping')
      steps.tell({
        ...{ kind: 'stopped', sid, generation },
        ...{ outcome: 'timeout', detail: 'it cannot be killed' },
      })
    steps.nowMs += 500
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant()
  }
}

test.each(['freeze', 'error'] as const)(
  'what cannot be stopped is left alone while the cluster is disarmed (%s), and tried again once it is armed',
  (state) => {
    const steps = Steps.running()
    steps.orders(desired([order({ state: 'request_stop', uid: 'u2' })], { revision: 11 }))
    tenSeconds(steps)
    expect(stops(steps)).toBeGreaterThan(1)
    const frozen = [order({ state, uid: 'u3' })]
    steps.orders(desired(frozen, { mode: 'disarm', revision: 12 }))
    const before = stops(steps)
    tenSeconds(steps)
    expect(stops(steps)).toBeLessThanOrEqual(before + 1)
    const untouched = stops(steps)
    tenSeconds(steps)
    expect(stops(steps)).toBe(untouched)
    steps.orders(desired([order({ state: 'request_stop', uid: 'u4' })], { revision: 13 }))
    tenSeconds(steps)
    expect(stops(steps)).toBeGreaterThan(untouched)
  },
)
