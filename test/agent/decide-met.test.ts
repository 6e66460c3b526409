// What somebody else has started here, and the plane may adopt: it is told as running once the journal knows of it, so that
// no later process takes the node for empty while it may be granted here (rules 3, 11, 12).
import { describe, expect, it } from 'vitest'
import { isEmpty } from '../../agent/lrm/decide/lease.ts'
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import type { Journal } from '../../agent/lrm/decide/remembered.ts'
import type { ServiceType } from '../../shared/names.ts'
import { desired, order, resumed, Steps } from './steps.ts'

const vm = 'vm:100'
const byHand: Found = { sid: vm, generation: 0, state: 'running' }
const asked = { revision: 11, probes: [vm], probeSpecs: { [vm]: {} } }
const adopted = order({ sid: vm, generation: 5, foundAs: 0, spec: {} })
const hung = [{ type: 'vm' as const, why: 'virsh list: no answer in time' }]

function begin(journal: Partial<Journal>, drivers: ServiceType[] = ['process', 'vm']): Steps {
  const lrm = resumed({ running: true, journal: { started: {}, ...journal } })
  lrm.self.drivers = drivers
  return new Steps(lrm)
}

/** The plane asks for it; every look finds this. */
function live(steps: Steps, found: Found[], blind: typeof hung = [], seconds = 3): void {
  for (let second = 0; second < seconds; second++) {
    steps.nowMs += 1_000
    steps.tell()
    if (second === 0) steps.tell({ kind: 'surveyed', found, blind })
    for (let i = 0; i < 3 && steps.lrm.survey.running; i++)
      steps.tell({ kind: 'surveyed', found, blind })
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: steps.lrm.desired?.revision ?? 10 })
  }
}

function met(): Steps {
  const steps = begin({})
  live(steps, [byHand])
  steps.orders(desired([], asked))
  live(steps, [byHand])
  return steps
}

const told = (steps: Steps) => steps.last('renew')!.request.running

describe('a machine that was started by hand', () => {
  it('is told as running once the journal knows of it, and as a doubt before', () => {
    const steps = begin({})
    live(steps, [])
    steps.diskFull = true
    steps.orders(desired([], asked))
    live(steps, [byHand])
    expect(told(steps)).toMatchObject([{ sid: vm, generation: 0, state: 'unknown' }])
    steps.diskFull = false
    steps.tell({ kind: 'journal-failed', why: 'no space' })
    live(steps, [byHand])
    expect(steps.lrm.journal.met).toEqual({ [vm]: 0 })
    expect(told(steps)).toMatchObject([{ sid: vm, generation: 0, state: 'running' }])
  })

  it.each<[string, ServiceType[], typeof hung]>([
    ['whose driver hangs', ['process', 'vm'], hung],
    ['that has no driver for it', ['process'], []],
  ])('is still there to the next process, %s: its node is not empty', (_, drivers, blind) => {
    const { journal } = met().lrm
    const steps = begin(journal, drivers)
    live(steps, [], blind)
    expect(isEmpty(steps.lrm)).toBe(false)
    expect(told(steps)).toMatchObject([{ sid: vm, generation: 0 }])
    expect(told(steps)[0]!.state).not.toBe('running')
    // Cut off: whatever it does, it neither closes its watchdog nor feeds it past its lease.
    const begun = steps.all.length
    steps.nowMs += 120_000
    for (let second = 0; second < 60; second++) {
      steps.nowMs += 1_000
      steps.tell()
      if (steps.lrm.survey.running) steps.tell({ kind: 'surveyed', found: [], blind })
    }
    const kinds = steps.all.slice(begun).map(({ kind }) => kind)
    expect(kinds).not.toContain('close-watchdog')
    expect(kinds).not.toContain('feed')
    expect(kinds).not.toContain('arm')
  })

  it('is forgotten once its driver finds it gone, and not while it does not answer', () => {
    const steps = begin({ met: { [vm]: 0 } })
    live(steps, [], hung)
    expect(steps.lrm.journal.met).toEqual({ [vm]: 0 })
    live(steps, [])
    expect(steps.lrm.journal.met).toEqual({})
    expect(isEmpty(steps.lrm)).toBe(true)
  })

  it('is remembered as what was begun here, from its adoption on', () => {
    const steps = met()
    steps.orders(desired([adopted], { revision: 12 }))
    live(steps, [byHand], [], 20)
    expect(steps.lrm.journal).toMatchObject({ started: { [vm]: 5 }, met: {} })
  })

  it('is remembered, too, where it bears a number that was ended here for good', () => {
    const steps = begin({ closed: { [vm]: 7 } })
    live(steps, [{ ...byHand, generation: 3 }], [], 1)
    expect(steps.lrm.journal.met).toEqual({ [vm]: 3 })
  })
})
