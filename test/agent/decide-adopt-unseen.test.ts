// What the plane has adopted here, and this process cannot look for: it runs, most likely, though no journal tells of it. Its
// generation is never given back as one that was not begun here (rules 6, 12).
import { describe, expect, it } from 'vitest'
import type { ServiceType } from '../../shared/names.ts'
import type { WatchdogClass } from '../../shared/node.ts'
import type { Order } from '../../shared/protocol.ts'
import { desired, order, resumed, Steps } from './steps.ts'

const vm = 'vm:100'
const list = { digest: 'd1', services: [{ sid: vm, spec: {} }] }
const adopted = order({ sid: vm, generation: 5, foundAs: 0, spec: {} })

type Case = { drivers: ServiceType[]; watchdog?: WatchdogClass; more?: Partial<Order> }

/** The process that met it has died before the order came; this one lives for a minute. */
function next({ drivers, watchdog = 'qualified', more = {} }: Case): Steps {
  const lrm = resumed({ running: true, watchdog, journal: { started: {} } })
  lrm.self.drivers = drivers
  const steps = new Steps(lrm)
  steps.lrm.managed = { ...lrm.managed, ...list, look: { vm: 1 } }
  const hung = [{ type: 'vm' as const, why: 'no answer within 2000 ms' }]
  const blind = drivers.includes('vm') ? hung : []
  const look = () => steps.tell({ kind: 'surveyed', found: [], blind })
  steps.tell()
  look()
  steps.orders(desired([{ ...adopted, ...more }], { revision: 12 }), 'd1')
  for (let second = 0; second < 60; second++) {
    steps.nowMs += 1_000
    steps.tell()
    for (let i = 0; i < 3 && steps.lrm.survey.running; i++) look()
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: 12 })
  }
  return steps
}

const move = {
  role: 'target' as const,
  peer: 'n2',
  address: null,
  timeoutMs: 60_000,
  cancel: false,
}

describe('what was adopted here while no agent of this node listened', () => {
  it.each<[string, Case]>([
    ['its driver hangs', { drivers: ['vm'] }],
    ['its driver hangs and no watchdog is there', { drivers: ['vm'], watchdog: 'none' }],
    ['its driver hangs, and it is to stop', { drivers: ['vm'], more: { state: 'request_stop' } }],
    ['its driver hangs, and it is to go', { drivers: ['vm'], more: { state: 'relocate' } }],
    ['there is no driver for it', { drivers: ['process'] }],
    ['there is none, and it is to stop', { drivers: ['process'], more: { state: 'request_stop' } }],
  ])('is not given back while %s', (_, each) => {
    const steps = next(each)
    const { closed, running } = steps.last('renew')!.request
    expect(closed).toEqual([])
    expect(running).toMatchObject([{ sid: vm, generation: 5 }])
    expect(steps.kinds()).not.toContain('start')
  })

  it('is not taken for running at the target of its move, whose driver hangs', () => {
    const steps = next({ drivers: ['vm'], more: { state: 'migrate', target: 'n1', move } })
    expect(steps.lrm.journal.started).toEqual({})
    expect(steps.last('renew')!.request.running).toEqual([])
  })

  it('is given back once its driver has answered that nothing of it is there', () => {
    const steps = next({ drivers: ['vm'] })
    steps.orders(
      desired([{ ...adopted, state: 'request_stop', uid: 'u2' }], { revision: 13 }),
      'd1',
    )
    steps.tell({ kind: 'stopped', sid: vm, generation: 5, outcome: 'ok', detail: '' })
    steps.grant({ revision: 13 })
    expect(steps.last('renew')!.request.closed).toEqual([{ sid: vm, generation: 5 }])
  })
})
