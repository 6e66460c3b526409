// The source's half of a live move, step by step: what must have happened before it begins, and what each answer of the
// driver, each restart and each order does to it (S4).
import { describe, expect, it } from 'vitest'
import type { Order } from '../../shared/protocol.ts'
import {
  answers,
  ended,
  give,
  journaled,
  moving,
  newest,
  nextRevision,
  report,
  revised,
  source,
} from './live-steps.ts'
import { desired, generation, order, resumed, sid, Steps } from './steps.ts'

describe('the source', () => {
  it.each([
    ['the target does not listen', { address: null }],
    ['it was cancelled before', { cancel: true }],
  ])('begins nothing while %s', (_, move) => {
    const steps = Steps.running()
    give(steps, source(move))
    expect(steps.kinds()).not.toContain('migrate')
    expect(steps.lrm.services[sid]!.phase).toBe('running')
  })

  it('begins only under orders that are the newest', () => {
    const steps = Steps.running()
    steps.orders(desired([source()], { revision: nextRevision() }))
    expect(steps.kinds()).not.toContain('migrate')
    steps.grant({ revision: newest() + 1 })
    expect(steps.kinds()).not.toContain('migrate')
  })

  it('begins only when the disk knows of it', () => {
    const steps = Steps.running()
    steps.diskFull = true
    give(steps, source())
    expect(steps.kinds()).not.toContain('migrate')
    steps.diskFull = false
    steps.tell({ kind: 'journal-failed', why: 'full' })
    steps.nowMs += 1_000
    steps.tell()
    expect(steps.last('migrate')).toMatchObject({ uid: 'u2' })
    expect(steps.last('write-journal')!.journal.moving[sid]).toEqual({
      ...{ generation, uid: 'u2', isOver: false },
    })
  })

  it('names to its driver what was adopted by the number that its marks bear', () => {
    const adopted = { [sid]: { foundAs: 3, generation } }
    const steps = Steps.running({ journal: { adopted } })
    give(steps, source())
    expect(steps.last('migrate')).toMatchObject({ sid, generation, marked: 3 })
  })

  it('ends its half for good before it says that it has moved', () => {
    const steps = moving()
    steps.diskFull = true
    steps.tell(ended('nothing', 'ok'))
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    expect(report(steps)).toMatchObject({ closed: [], results: [] })
    steps.diskFull = false
    steps.tell({ kind: 'journal-failed', why: 'full' })
    steps.nowMs += 3_000
    steps.tell()
    if (steps.lrm.renewal.inFlight) steps.grant({ revision: newest() })
    expect(report(steps)).toMatchObject({
      closed: [{ sid, generation }],
      results: [{ uid: 'u2', outcome: 'ok' }],
      running: [],
    })
  })

  it('says that it failed once the driver knows that it runs here, and starts nothing of it (S4d)', () => {
    const steps = moving()
    steps.tell(ended('running'))
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
    expect(journaled(steps)).toMatchObject({ isOver: true })
    // It dies here while the plane still has the target's half open.
    give(steps, order({ uid: 'u3', shared: true }))
    steps.tell({ kind: 'exited', sid, generation, detail: 'killed' })
    steps.tell({ kind: 'stopped', sid, generation, outcome: 'ok', detail: '' })
    steps.nowMs += 5_000
    steps.tell()
    expect(steps.kinds()).not.toContain('start')
    give(steps, order({ uid: 'u3' }))
    steps.nowMs += 5_000
    steps.tell()
    expect(steps.last('start')).toMatchObject({ sid, generation })
  })

  it('never says ok of what it still runs', () => {
    const steps = moving()
    steps.tell(ended('running', 'ok'))
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
    expect(steps.lrm.journal.closed[sid]).toBeUndefined()
  })

  it('answers nothing while its driver is in doubt, asks again, and never starts (S4b)', () => {
    const steps = moving()
    steps.tell(ended('unknown'))
    expect(answers(steps).u2).toBeUndefined()
    expect(steps.lrm.services[sid]!.phase).toBe('migrating')
    steps.nowMs += 1_000
    steps.tell()
    expect(steps.last('cancel-move')).toMatchObject({ sid, uid: 'u2' })
    steps.tell(ended('unknown'))
    give(steps, order({ uid: 'u3' }))
    steps.nowMs += 1_000
    steps.tell()
    expect(steps.kinds()).not.toContain('start')
    expect(steps.lrm.journal.closed[sid]).toBeUndefined()
    steps.tell(ended('nothing', 'ok'))
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
    expect(steps.kinds()).not.toContain('start')
  })

  it.each<[string, Order[]]>([
    ['the plane says so', [source({ cancel: true })]],
    ['its order is another', [order({ uid: 'u3', shared: true })]],
    ['it is to be left alone', [order({ state: 'ignored', uid: 'i', shared: true })]],
    ['nothing is ordered any more', []],
  ])('cancels when %s, and takes what is true', (_, orders) => {
    const steps = moving()
    give(steps, ...orders)
    expect(steps.all.filter(({ kind }) => kind === 'cancel-move')).toHaveLength(1)
    steps.tell(ended('nothing', 'ok'))
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
  })

  it('goes on under a newer history of the database, until that knows nothing of it', () => {
    const steps = moving()
    const planeEpoch = { number: 6, uuid: '44444444-4444-4444-8444-444444444444' }
    steps.nowMs += 3_000
    steps.tell()
    const { seq } = report(steps)
    const refused = { code: 'plane-epoch', detail: '', planeEpoch }
    steps.tell({ kind: 'lease-refused', seq, refused })
    expect(steps.lrm.desired).toBeNull()
    steps.orders(desired([source()], { revision: 1, planeEpoch }))
    expect(steps.kinds()).not.toContain('cancel-move')
    steps.orders(desired([order()], { revision: 2, planeEpoch }))
    expect(steps.last('cancel-move')).toMatchObject({ uid: 'u2' })
  })

  it('cancels when its agent is about to leave, and takes what is true', () => {
    const steps = moving()
    steps.tell({ kind: 'signal', signal: 'restart' })
    expect(steps.last('cancel-move')).toMatchObject({ uid: 'u2' })
    steps.tell(ended('running'))
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
  })

  it('keeps nothing else waiting, and no more moves at once than there are workers', () => {
    const steps = Steps.running()
    const other = order({ sid: 'process:other', uid: 'o1', generation: 8 })
    revised(steps, [source(), other], { maxWorkers: 1 })
    expect(steps.last('migrate')).toMatchObject({ sid })
    expect(steps.last('start')).toMatchObject({ sid: 'process:other' })
    steps.tell({ kind: 'started', sid: 'process:other', generation: 8, outcome: 'ok', detail: '' })
    revised(steps, [source(), source({}, { sid: 'process:other', uid: 'o2', generation: 8 })], {
      maxWorkers: 1,
    })
    expect(steps.all.filter(({ kind }) => kind === 'migrate')).toEqual([])
    expect(steps.lrm.services['process:other']!.phase).toBe('running')
  })

  it('without a lease stops its half, whatever the move is about to do', () => {
    const steps = moving()
    steps.nowMs += 40_000
    steps.tell()
    expect(steps.last('stop')).toMatchObject({ sid, generation })
    steps.tell(ended('running'))
    expect(steps.lrm.services[sid]!.phase).toBe('stopping')
  })

  it('to a node that shuts down never says ok', () => {
    const steps = moving()
    steps.tell({ kind: 'signal', signal: 'shutdown' })
    expect(steps.last('stop')).toMatchObject({ sid, generation })
    steps.tell({ kind: 'stopped', sid, generation, outcome: 'ok', detail: '' })
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
  })

  it('takes no late word of one move for the end of the next', () => {
    const steps = moving()
    give(steps, source({ cancel: true }))
    steps.tell(ended('running'))
    give(steps, order({ uid: 'u3' }))
    give(steps, source({}, { uid: 'u4' }))
    expect(steps.last('migrate')).toMatchObject({ uid: 'u4' })
    steps.tell(ended('running', 'error', 'u2'))
    expect(steps.lrm.services[sid]!.phase).toBe('migrating')
    expect(answers(steps).u4).toBeUndefined()
  })

  it('tells how far it has come, with whatever it sends, and sends nothing for it', () => {
    const steps = moving()
    const renewals = steps.kinds().filter((kind) => kind === 'renew').length
    const progress = { percent: 40, transferredBytes: 4, remainingBytes: 6 }
    steps.tell({ kind: 'move-progress', sid, generation, progress })
    expect(steps.kinds().filter((kind) => kind === 'renew')).toHaveLength(renewals)
    steps.nowMs += 3_000
    steps.tell()
    expect(report(steps).running).toEqual([
      { sid, generation, state: 'migrating', stable: false, progress },
    ])
  })
})

describe('a new process on the source', () => {
  const journal = {
    started: { [sid]: generation },
    moving: { [sid]: { generation, uid: 'u2', isOver: false } },
  }
  const found = (state: 'running' | 'migrating' | null): Steps => {
    const steps = new Steps(resumed({ journal }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: state ? [{ sid, generation, state }] : [] })
    return steps
  }

  it('that finds it running says so, and begins no second move of that order', () => {
    const steps = found('running')
    give(steps, source())
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
    expect(steps.kinds()).not.toContain('migrate')
    expect(steps.kinds()).not.toContain('start')
  })

  it('that finds nothing of it ends its half for good, and never starts it', () => {
    const steps = found(null)
    expect(steps.lrm.journal.closed[sid]).toBe(generation)
    give(steps, order())
    steps.nowMs += 2_000
    steps.tell()
    expect(steps.kinds()).not.toContain('start')
    expect(report(steps).closed).toEqual([{ sid, generation }])
  })

  it('that finds the job alive ends that first, and believes its driver', () => {
    const steps = found('migrating')
    expect(steps.last('cancel-move')).toMatchObject({ uid: 'u2' })
    give(steps, source())
    expect(answers(steps).u2).toBeUndefined()
    steps.tell(ended('running'))
    expect(answers(steps).u2).toMatchObject({ outcome: 'error' })
  })

  it('finds one that nobody journaled, and ends it too', () => {
    const steps = new Steps(resumed())
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'migrating' }] })
    expect(steps.last('cancel-move')).toMatchObject({ uid: `found.${generation}` })
    expect(journaled(steps)).toMatchObject({ isOver: false })
  })

  it('without an epoch answers for nothing before the job has ended', () => {
    const lost = {
      ...journal,
      epoch: { number: 1, seqReserved: 1, planeNumber: 5, state: 'unknown' as const },
    }
    const steps = new Steps(resumed({ journal: lost }))
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'migrating' }] })
    const planeEpoch = { number: 5, uuid: '33333333-3333-4333-8333-333333333333' }
    const questions = [{ sid, generation }]
    steps.tell({
      kind: 'epoch-answered',
      answer: { status: 'challenge', nonce: 'n', questions, planeEpoch },
    })
    steps.nowMs += 1_000
    steps.tell()
    expect(steps.all.filter(({ kind }) => kind === 'ask-epoch')).toHaveLength(1)
    steps.tell(ended('running'))
    steps.nowMs += 1_000
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
    expect(steps.last('ask-epoch')!.found).toEqual([{ sid, generation, state: 'running' }])
  })
})
