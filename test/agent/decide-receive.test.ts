// The target's half of a live move, step by step: what must have happened before it is opened, and when it is ended for
// good, run, or replaced by a start (S4).
import { describe, expect, it } from 'vitest'
import type { Order } from '../../shared/protocol.ts'
import {
  answers,
  give,
  incoming,
  listening,
  newest,
  nextRevision,
  receiving,
  report,
  target,
} from './live-steps.ts'
import { desired, order, resumed, sid, Steps } from './steps.ts'

describe('the target', () => {
  it('opens its half only confirmed, armed and under the newest orders (S4e)', () => {
    const steps = new Steps(resumed({ journal: { started: {} } }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [] })
    steps.orders(desired([target()], { revision: nextRevision() }))
    expect(steps.kinds()).not.toContain('receive')
    for (let i = 0; i < 4 && steps.lrm.renewal.inFlight; i++) {
      const { request } = steps.last('renew')!
      const confirmed = steps.lrm.confirmed[sid] === incoming
      expect(steps.kinds().includes('receive')).toBe(confirmed && request.armed)
      steps.grant({ revision: newest() })
    }
    const effects = steps.all.map(({ kind }) => kind)
    expect(effects.indexOf('arm')).toBeLessThan(effects.indexOf('receive'))
    expect(steps.lrm.journal.started[sid]).toBe(incoming)
  })

  it('tells where it listens once its driver does, and is not empty meanwhile', () => {
    const steps = receiving()
    expect(report(steps).running).toEqual(
      [expect.not.objectContaining({ address: expect.anything() })].filter(
        () => report(steps).running.length > 0,
      ),
    )
    steps.tell(listening)
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    steps.tell()
    expect(report(steps).running).toEqual([
      { sid, generation: incoming, state: 'incoming', stable: false, address: 'a' },
    ])
    steps.nowMs += 30_000
    steps.tell()
    expect(steps.kinds()).not.toContain('close-watchdog')
  })

  it('ends a half that is frozen, and leaves one running that came alive before it heard so', () => {
    const frozen = order({ state: 'freeze', uid: 'half.9', generation: incoming })
    const waiting = receiving()
    waiting.tell(listening)
    give(waiting, frozen)
    expect(waiting.last('stop')).toMatchObject({ sid, generation: incoming })
    const arrived = receiving()
    arrived.tell(listening, { kind: 'arrived', sid, generation: incoming })
    give(arrived, frozen)
    expect(arrived.all.map(({ kind }) => kind)).not.toContain('stop')
    expect(arrived.lrm.services[sid]).toMatchObject({ phase: 'running', generation: incoming })
  })

  it('runs what has arrived, and answers for its half', () => {
    const steps = receiving()
    steps.tell(listening, { kind: 'arrived', sid, generation: incoming })
    expect(steps.lrm.services[sid]).toMatchObject({ phase: 'running', generation: incoming })
    expect(answers(steps).u2).toMatchObject({ outcome: 'ok' })
    give(steps, order({ uid: 'u3', generation: incoming }))
    expect(answers(steps).u3).toMatchObject({ outcome: 'ok' })
    expect(steps.kinds()).not.toContain('start')
  })

  it.each<[string, Parameters<Steps['tell']>[0]]>([
    ['could not be opened', { ...listening, outcome: 'error', detail: 'no memory' }],
    ['died', { kind: 'exited', sid, generation: incoming, detail: 'no memory' }],
  ])('ends its half for good when it %s (S4c)', (_, event) => {
    const steps = receiving()
    steps.tell(event)
    steps.tell({ kind: 'stopped', sid, generation: incoming, outcome: 'ok', detail: '' })
    steps.tell()
    expect(steps.lrm.journal.closed[sid]).toBe(incoming)
    expect(answers(steps).u2).toMatchObject({ outcome: 'error', detail: 'no memory' })
    give(steps, target({ uid: 'u5' }))
    expect(steps.kinds()).not.toContain('receive')
  })

  it('keeps to the answer with which it ended its half', () => {
    const steps = receiving()
    steps.tell({ ...listening, outcome: 'not-live', detail: 'no lock' })
    steps.tell({ kind: 'stopped', sid, generation: incoming, outcome: 'ok', detail: '' })
    give(steps, target())
    expect(answers(steps).u2).toMatchObject({ outcome: 'not-live', detail: 'no lock' })
  })

  it.each<[string, Order[]]>([
    [
      'is no longer to be used',
      [order({ state: 'request_stop', uid: 'stop', generation: incoming })],
    ],
    ['nobody orders any more', []],
    ['is held still', [order({ state: 'freeze', uid: 'f', generation: incoming })]],
  ])('ends a half that %s', (_, orders) => {
    const steps = receiving()
    steps.tell(listening)
    give(steps, ...orders)
    expect(steps.last('stop')).toMatchObject({ sid, generation: incoming })
  })

  it('keeps its half while it is to be left alone, and while nothing is known', () => {
    const steps = receiving()
    steps.tell(listening)
    give(steps, order({ state: 'ignored', uid: 'i', generation: incoming, shared: true }))
    steps.orders(desired([], { revision: nextRevision() }))
    expect(steps.kinds()).not.toContain('stop')
  })

  it('without a lease ends its half at once', () => {
    const steps = receiving()
    steps.tell(listening)
    steps.nowMs += 40_000
    steps.tell()
    expect(steps.last('stop')).toMatchObject({ sid, generation: incoming })
  })

  describe('whose source is proved to be gone', () => {
    const mine = (more: Partial<Order> = {}) => order({ uid: 'u3', generation: incoming, ...more })

    it('looks whether it has arrived, and runs it if it has', () => {
      const steps = receiving()
      steps.tell(listening)
      give(steps, mine())
      steps.nowMs += 1
      steps.tell()
      expect(steps.last('survey')).toBeDefined()
      steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'running' }] })
      expect(answers(steps).u3).toMatchObject({ outcome: 'ok' })
      expect(steps.kinds()).not.toContain('start')
    })

    it('ends a half that has not, and starts it anew', () => {
      const steps = receiving()
      steps.tell(listening)
      give(steps, mine())
      steps.nowMs += 1
      steps.tell()
      steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
      expect(steps.last('stop')).toMatchObject({ sid, generation: incoming })
      expect(steps.kinds()).not.toContain('start')
      steps.tell({ kind: 'stopped', sid, generation: incoming, outcome: 'ok', detail: '' })
      expect(steps.last('start')).toMatchObject({ sid, generation: incoming })
      expect(steps.lrm.journal.closed[sid]).toBeUndefined()
    })

    it('does neither while another node may have a half', () => {
      const steps = receiving()
      steps.tell(listening)
      give(steps, mine({ shared: true }))
      steps.nowMs += 1_000
      steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
      expect(steps.kinds()).not.toContain('stop')
      expect(steps.kinds()).not.toContain('start')
    })

    it('believes no look that began before, nor one that failed', () => {
      const steps = receiving()
      steps.tell(listening)
      steps.nowMs = steps.lrm.survey.dueMs
      steps.tell()
      steps.nowMs += 10
      give(steps, mine())
      steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
      expect(steps.kinds()).not.toContain('stop')
      steps.tell({ kind: 'surveyed', found: [], blind: [{ type: 'process', why: 'busy' }] })
      expect(steps.kinds()).not.toContain('stop')
      steps.nowMs += 1_000
      steps.tell()
      steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
      expect(steps.last('stop')).toMatchObject({ generation: incoming })
    })
  })

  it('as a new process attaches to the half it finds, after a confirm of its own', () => {
    const steps = new Steps(resumed({ journal: { started: { [sid]: incoming } } }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
    expect(steps.kinds()).not.toContain('receive')
    expect(steps.kinds()).not.toContain('stop')
    give(steps, target())
    expect(steps.last('receive')).toMatchObject({ generation: incoming })
  })
})
