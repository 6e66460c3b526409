// Live moves in two steps: the source sends the service off, the target takes it up, and only then is what is left at the
// source ended. What was sent off never runs at the source again, whatever is answered, ordered or restarted (S4).
import { describe, expect, it } from 'vitest'
import type { MoveHalf } from '../../shared/live-move.ts'
import type { Order } from '../../shared/protocol.ts'
import {
  answers,
  ended,
  give,
  incoming,
  journaled,
  listening,
  moving,
  newest,
  receiving,
  report,
  source,
} from './live-steps.ts'
import { generation, order, resumed, sid, Steps } from './steps.ts'

const target = (move: Partial<MoveHalf> = {}): Order =>
  source({ role: 'target', peer: 'n1', address: null, ...move }, { generation: incoming })

describe('the source', () => {
  const sent = () => {
    const steps = moving()
    steps.tell(ended('sent', 'ok'))
    return steps
  }
  const cancels = (steps: Steps) => steps.all.filter(({ kind }) => kind === 'cancel-move')

  it('says at once that it was sent off, and then waits', () => {
    const steps = sent()
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    expect(report(steps).running).toEqual([
      { sid, generation, state: 'migrating', stable: false, sent: true },
    ])
    expect(answers(steps).u2).toBeUndefined()
    steps.nowMs += 2_000
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'migrating' }] })
    expect(cancels(steps)).toEqual([])
    expect(steps.kinds()).not.toContain('stop')
  })

  it('ends what is left here once it runs at the target, and only then says that it has moved', () => {
    const steps = sent()
    give(steps, source({ handed: true }))
    expect(cancels(steps)).toHaveLength(1)
    expect(answers(steps).u2).toBeUndefined()
    steps.tell(ended('nothing', 'ok'))
    expect(answers(steps).u2).toMatchObject({ outcome: 'ok' })
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
  })

  it('says why it cannot end what is left here, for as long as it tries', () => {
    const steps = sent()
    give(steps, source({ handed: true }))
    steps.tell({ ...ended('unknown'), detail: 'its stop failed: busy' })
    for (let i = 0; i < 3; i++) {
      steps.nowMs += 1_500
      steps.tell({ ...ended('unknown'), detail: 'its stop failed: busy' })
      if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    }
    expect(report(steps).running).toMatchObject([
      { state: 'migrating', doubt: 'its stop failed: busy' },
    ])
    expect(answers(steps).u2).toBeUndefined()
  })

  it('tells no doubt about what it has not sent off: a plane of before may not know the word', () => {
    const steps = moving()
    steps.tell(ended('unknown'))
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    steps.tell()
    expect(report(steps).running).toMatchObject([{ state: 'migrating' }])
    expect(report(steps).running[0]).not.toHaveProperty('doubt')
  })

  it('that is told so before it has sent anything goes on sending', () => {
    const steps = moving()
    give(steps, source({ handed: true }))
    expect(cancels(steps)).toEqual([])
  })

  it.each<[string, Order[]]>([
    ['the plane says so', [source({ cancel: true })]],
    ['it is to be back here', [order({ uid: 'u3', shared: true })]],
    ['nothing is ordered any more', []],
  ])('ends its half when %s, and does not start it again', (_, orders) => {
    const steps = sent()
    give(steps, ...orders)
    expect(cancels(steps)).toHaveLength(1)
    steps.tell(ended('nothing', 'ok'))
    steps.nowMs += 2_000
    steps.tell()
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
    expect(steps.kinds()).not.toContain('start')
  })

  it('that cannot end what is left tries again, and says nothing meanwhile', () => {
    const steps = sent()
    give(steps, source({ handed: true }))
    steps.tell(ended('unknown'))
    expect(answers(steps).u2).toBeUndefined()
    steps.nowMs += 1_000
    steps.tell()
    expect(cancels(steps)).toHaveLength(2)
  })

  it('keeps to a cancel that was asked for before the word that it was sent off came', () => {
    const steps = moving()
    give(steps, source({ cancel: true }))
    steps.tell(ended('sent', 'ok'))
    expect(cancels(steps)).toHaveLength(1)
    steps.tell(ended('nothing', 'ok'))
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
  })

  it('as a new process ends what an earlier one sent off, or was about to', () => {
    const journal = {
      started: { [sid]: generation },
      moving: { [sid]: { generation, uid: 'u2', isOver: false } },
    }
    const steps = new Steps(resumed({ journal }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'migrating' }] })
    expect(cancels(steps)).toHaveLength(1)
    give(steps, source())
    steps.tell(ended('nothing', 'ok'))
    expect(steps.kinds()).not.toContain('start')
    expect(journaled(steps)).toBeUndefined()
  })

  it('without a lease stops its half at once', () => {
    const steps = sent()
    steps.nowMs += 40_000
    steps.tell()
    expect(steps.last('stop')).toMatchObject({ sid, generation })
  })
})

describe('the target', () => {
  const takesUp = { ...listening, takesUp: true }
  const takenUp = (outcome: 'ok' | 'error', detail = 'why') =>
    ({ kind: 'taken-up', sid, generation: incoming, outcome, detail }) as const
  const takeUps = (steps: Steps) => steps.all.filter(({ kind }) => kind === 'take-up')
  const open = () => {
    const steps = receiving()
    steps.tell(takesUp)
    return steps
  }
  const taking = () => {
    const steps = open()
    give(steps, target({ handed: true }))
    expect(steps.last('take-up')).toMatchObject({ sid, generation: incoming, from: 'n1' })
    return steps
  }

  it('takes nothing up before it was sent off', () => {
    const steps = open()
    give(steps, target())
    steps.nowMs += 5_000
    steps.tell()
    expect(takeUps(steps)).toEqual([])
  })

  it('takes it up once, under the newest orders and a confirm, and says where it listens meanwhile', () => {
    const steps = taking()
    steps.nowMs += 3_000
    steps.tell()
    expect(takeUps(steps)).toHaveLength(1)
    expect(report(steps).running).toMatchObject([{ state: 'incoming', address: 'a' }])
    steps.tell(takenUp('ok'))
    expect(steps.lrm.services[sid]!.phase).toBe('running')
    expect(answers(steps).u2).toMatchObject({ outcome: 'ok' })
  })

  it('takes nothing up without a lease', () => {
    const steps = open()
    steps.nowMs += 40_000
    steps.tell()
    give(steps, target({ handed: true }))
    expect(takeUps(steps)).toEqual([])
  })

  it('leaves alone what comes alive by itself', () => {
    const steps = receiving()
    steps.tell(listening)
    give(steps, target({ handed: true }))
    expect(takeUps(steps)).toEqual([])
  })

  it('that fails ends its half for good, says so, and never receives it again', () => {
    const steps = taking()
    steps.tell(takenUp('error', 'nothing had come'))
    expect(steps.last('stop')).toMatchObject({ sid, generation: incoming })
    steps.tell({ kind: 'stopped', sid, generation: incoming, outcome: 'ok', detail: '' })
    steps.tell()
    expect(steps.lrm.journal.closed[sid]).toBe(incoming)
    expect(answers(steps).u2).toMatchObject({ outcome: 'error', detail: 'nothing had come' })
  })

  it('as a new process that finds its half lost, though it was sent to it, ends it and opens no other', () => {
    const steps = new Steps(resumed({ journal: { started: { [sid]: incoming } } }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [] })
    give(steps, target({ handed: true }))
    expect(steps.kinds()).not.toContain('receive')
    expect(steps.lrm.journal.closed[sid]).toBe(incoming)
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
  })

  describe('whose source is proved to be gone', () => {
    const mine = order({ uid: 'u3', generation: incoming })

    it('asks its driver whether it has arrived, without taking anything up, before it starts it', () => {
      const steps = open()
      give(steps, mine)
      expect(steps.last('take-up')).toMatchObject({ from: null })
      expect(steps.kinds()).not.toContain('stop')
      steps.tell(takenUp('error', 'it has not arrived'))
      steps.tell({ kind: 'stopped', sid, generation: incoming, outcome: 'ok', detail: '' })
      steps.nowMs += 1_000
      steps.tell()
      expect(steps.last('start')).toMatchObject({ sid, generation: incoming })
    })

    it('as a new process opens it again, and asks whether it has arrived before anything of it is stopped', () => {
      const steps = new Steps(resumed({ journal: { started: { [sid]: incoming } } }))
      const found = [{ sid, generation: incoming, state: 'incoming' }] as const
      steps.tell()
      steps.tell({ kind: 'surveyed', found: [...found] })
      give(steps, mine)
      expect(steps.last('receive')).toMatchObject({ sid, generation: incoming })
      steps.nowMs += 2_000
      steps.tell({ kind: 'surveyed', found: [...found] })
      expect(steps.kinds()).not.toContain('stop')
      steps.tell(takesUp)
      expect(steps.last('take-up')).toMatchObject({ from: null })
      steps.tell(takenUp('ok'))
      expect(answers(steps).u3).toMatchObject({ outcome: 'ok' })
      expect(steps.kinds()).not.toContain('start')
      expect(steps.kinds()).not.toContain('stop')
    })

    it('runs what has arrived, and starts nothing', () => {
      const steps = open()
      give(steps, mine)
      steps.tell(takenUp('ok'))
      expect(answers(steps).u3).toMatchObject({ outcome: 'ok' })
      expect(steps.kinds()).not.toContain('start')
      expect(steps.kinds()).not.toContain('stop')
    })

    it('lets what it is just taking up come to its end', () => {
      const steps = taking()
      give(steps, mine)
      expect(takeUps(steps)).toEqual([])
      expect(steps.kinds()).not.toContain('stop')
      steps.tell(takenUp('ok'))
      expect(answers(steps).u3).toMatchObject({ outcome: 'ok' })
    })
  })
})
