// A process whose journal is lost knows what an earlier one left running only by its drivers: as long as one of them does not
// answer, its node is not empty, and its watchdog neither closed nor fed for being so (rules 3 and 11).
import { describe, expect, it } from 'vitest'
import type { ServiceType } from '../../shared/names.ts'
import { profiles } from '../../shared/timing.ts'
import { isEmpty } from '../../agent/lrm/decide/lease.ts'
import { resumeLrm } from '../../agent/lrm/decide/resume.ts'
import { bootId, clusterUuid, nodeUid, resumed, Steps } from './steps.ts'

const joined = {
  ...{ status: 'joined' as const, epoch: 2, timing: profiles.default },
  planeEpoch: { number: 1, uuid: clusterUuid },
}

const blind = [{ type: 'vm' as const, why: 'virsh list: no answer in time' }]

describe('a process that finds no journal, while a driver does not answer', () => {
  const lost = (drivers: ServiceType[] = ['process', 'vm']) => {
    const lrm = resumeLrm({
      self: { clusterUuid, nodeUid, bootId, drivers, virtual: false },
      ...{ nowMs: 101_000, journal: null, note: null },
      watchdog: {
        info: { class: 'qualified', identity: 'test', effectiveMs: 10_000 },
        ...{ factor: 1, running: true },
      },
    })
    const steps = new Steps(lrm)
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [], blind: drivers.includes('vm') ? blind : [] })
    return steps
  }

  it('does not take its node for empty: a machine of an earlier process may run there, and its watchdog is left as it is', () => {
    const steps = lost()
    expect(isEmpty(steps.lrm)).toBe(false)
    for (let second = 0; second < 60; second++) {
      steps.nowMs += 1_000
      steps.tell()
      if (steps.lrm.survey.running) steps.tell({ kind: 'surveyed', found: [], blind })
    }
    expect(steps.kinds()).not.toContain('arm')
    expect(isEmpty(steps.lrm)).toBe(false)
  })

  it('remembers what it then finds: the next process, whose driver hangs again, does not give it back as never begun there', () => {
    const steps = lost()
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid: 'vm:7', generation: 5, state: 'running' }] })
    expect(steps.lrm.journal.started).toEqual({ 'vm:7': 5 })
  })

  it('passes that on to the next process, for its journal knows no more', () => {
    const { journal } = lost().lrm
    expect(journal.unlooked).toContain('vm')
    expect(journal.unlooked).not.toContain('process')
    const next = new Steps(resumed({ journal: { ...journal, started: {} } }))
    next.tell()
    next.tell({ kind: 'surveyed', found: [] })
    expect(isEmpty(next.lrm)).toBe(false)
  })

  it('takes it for empty once every driver has answered, and the plane has settled what no driver looks for', () => {
    const steps = lost()
    steps.nowMs += 2_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [] })
    expect(isEmpty(steps.lrm)).toBe(false)
    steps.tell({ kind: 'epoch-answered', answer: joined })
    expect(steps.lrm.journal).not.toHaveProperty('unlooked')
    expect(isEmpty(steps.lrm)).toBe(true)
  })

  it('does not take the plane’s word for what a driver of its own has not looked for', () => {
    const steps = lost()
    steps.tell({ kind: 'epoch-answered', answer: joined })
    expect(steps.lrm.journal.unlooked).toEqual(['vm'])
    expect(isEmpty(steps.lrm)).toBe(false)
  })

  it('does not take its node for empty when it has come back without a driver: nobody looks for what that one had started', () => {
    const steps = lost(['process'])
    steps.tell({ kind: 'surveyed', found: [] })
    expect(isEmpty(steps.lrm)).toBe(false)
    steps.nowMs += 3_000
    steps.tell()
    expect(steps.kinds()).not.toContain('arm')
  })
})
