// A service that the plane asks for: attested after a look that came later, left alone meanwhile, and adopted under another
// number where it runs (rule 7, D8).
import { describe, expect, test } from 'vitest'
import type { LrmEvent } from '../../agent/lrm/decide/effect.ts'
import { Steps, desired, order, plane, resumed, sid as web } from './steps.ts'

const asked = (more = {}) => desired([], { revision: 11, probes: [web], ...more })

describe('a service that is asked for', () => {
  test('is attested only after a look at the host that began later than the question', () => {
    const steps = Steps.running()
    steps.orders(desired([order()], { revision: 11, probes: ['process:other'] }))
    steps.nowMs += 3_000
    steps.tell()
    expect(steps.last('renew')!.request.revision).toBe(10)
    expect(steps.lrm.survey.running).toBe(true)
    steps.grant()
    steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
    steps.nowMs += 3_000
    steps.tell()
    expect(steps.last('renew')!.request.revision).toBe(11)
  })

  test('is looked for by its specification, where the plane says that it can be', () => {
    const steps = Steps.running()
    steps.orders(asked({ probeSpecs: { [web]: { unit: 'web.service' } } }))
    steps.nowMs += 3_000
    steps.tell()
    expect(steps.last('survey')!.asked).toEqual([{ sid: web, spec: { unit: 'web.service' } }])
  })

  test('and runs here without an order is left as it is: it may be adopted', () => {
    const steps = Steps.running()
    steps.orders(asked())
    for (let i = 0; i < 5; i++) {
      steps.nowMs += 3_000
      steps.tell({ kind: 'surveyed', found: [{ sid: web, generation: 7, state: 'running' }] })
      if (steps.lrm.renewal.inFlight) steps.grant()
    }
    expect(steps.kinds()).not.toContain('stop')
    steps.orders(asked({ revision: 12, probes: [] }))
    for (let i = 0; i < 5; i++) {
      steps.nowMs += 3_000
      steps.tell()
      if (steps.lrm.renewal.inFlight) steps.grant({ revision: 12 })
    }
    expect(steps.kinds()).toContain('stop')
  })
})

describe('what is adopted under another number', () => {
  const adopting = (from: Steps) =>
    from.orders(desired([order({ generation: 9, foundAs: 3 })], { revision: 11 }))
  const found: LrmEvent = {
    kind: 'surveyed',
    found: [{ sid: web, generation: 3, state: 'running' }],
  }

  function adopted(): Steps {
    const steps = new Steps(resumed())
    steps.tell()
    steps.tell(found)
    adopting(steps)
    for (let i = 0; i < 3; i++) if (steps.lrm.renewal.inFlight) steps.grant()
    return steps
  }

  test('runs on, counts as the new one, is confirmed, and is not started', () => {
    const steps = adopted()
    expect(steps.last('renew')!.request.running).toMatchObject([{ sid: web, generation: 9 }])
    expect(steps.lrm.confirmed).toEqual({ [web]: 9 })
    steps.nowMs += 20_000
    steps.tell(found)
    expect(steps.lrm.services[web]).toMatchObject({ generation: 9, phase: 'running' })
    expect(steps.kinds()).not.toContain('start')
    expect(steps.kinds()).not.toContain('stop')
  })

  test('is known by its marks: its end is noticed, and a later process knows it, too', () => {
    const steps = adopted()
    const later = resumed({ journal: steps.lrm.journal })
    const next = new Steps(later)
    next.tell()
    next.tell(found)
    expect(next.lrm.services[web]).toMatchObject({ generation: 9 })
    steps.tell({ kind: 'exited', sid: web, generation: 3, detail: 'gone' })
    expect(steps.lrm.services[web]!.phase).not.toBe('running')
  })

  test('is adopted although an older one was ended here for good, and not once the new one was', () => {
    const epoch = { number: 1, seqReserved: 10_000, planeNumber: plane.number } as const
    const released = { ...epoch, state: 'released' as const }
    const steps = new Steps(
      resumed({ journal: { closed: { [web]: 7 }, started: {}, epoch: released } }),
    )
    steps.tell()
    steps.tell(found)
    // Moved back by hand in a disarmed cluster: left alone before its orders are known, and asked for then.
    expect(steps.lrm.services[web]).toMatchObject({ generation: 3, phase: 'running' })
    Object.assign(steps.lrm, { epoch: { number: 2, seq: 0 }, released: false })
    steps.orders(asked())
    expect(steps.lrm.services[web]).toMatchObject({ generation: 3, phase: 'running' })
    steps.orders(desired([order({ generation: 9, foundAs: 3 })], { revision: 12 }))
    expect(steps.lrm.services[web]).toMatchObject({ generation: 9, phase: 'running' })
    const ended = new Steps(resumed({ journal: { closed: { [web]: 9 }, started: {} } }))
    ended.tell()
    ended.tell(found)
    adopting(ended)
    expect(ended.lrm.services[web]).toMatchObject({ generation: 3, phase: 'stopping' })
  })
})
