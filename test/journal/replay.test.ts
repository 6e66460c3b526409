// A stored round is decided again to the same plan, whatever happened before it; and what is written in pieces, or as a
// difference from an older view, is the same view again.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Plan } from '../../control-plane/cluster/plan.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { replay } from '../../control-plane/crm/replay.ts'
import {
  baseOf,
  completedFrom,
  differenceOf,
} from '../../control-plane/store/journal/difference.ts'
import {
  packAtOnce,
  packInPieces,
  piecesOf,
  unpack,
} from '../../control-plane/store/journal/round-text.ts'
import { aNode, aService, buildView, silentNode } from '../decide/build-view.ts'
import { event, happen, names, sids } from '../decide/events.ts'
import { World } from '../decide/world.ts'

/** Every view in which something was decided, from a life of faults. */
function busyViews(events: Parameters<typeof happen>[1][]): ClusterView[] {
  const views: ClusterView[] = []
  const world = new World(names)
  world.onRound = (view) => {
    if (decide(view).changes.length > 0) views.push(view)
  }
  for (const sid of sids) world.configure(sid, { requested: 'started' })
  world.run(3_000)
  for (const one of events) happen(world, one)
  return views
}

const lives = fc.array(event, { minLength: 3, maxLength: 12 })
const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

describe('a replay', () => {
  test('of every round of a busy life is the same', () => {
    fc.assert(
      fc.property(lives, (events) => {
        for (const view of busyViews(events)) {
          const plan = throughJson(decide(view))
          expect(replay(throughJson(view), plan).difference).toEqual([])
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 15) },
    )
  })

  const view = buildView({
    nodes: [aNode('n1'), silentNode('n2')],
    services: [aService('process:web', 'n2'), aService('process:db', 'n1')],
  })
  const plan = throughJson(decide(view))
  const altered = (change: (plan: Plan) => void) => {
    const other = throughJson(plan)
    change(other)
    return replay(view, other)
  }

  test('says what is decided now only, and what was decided then only', () => {
    const { same, changesThen, changesNow, difference } = altered((other) => {
      other.changes = other.changes.filter((one) => one.kind !== 'grant.opened')
    })
    expect({ same, apart: changesNow - changesThen }).toEqual({ same: false, apart: 1 })
    expect(difference).toEqual([expect.stringMatching(/^\+ process:web: grant \d+ opened on n1/)])
  })

  test('shows the fields of changes whose lines are alike', () => {
    const { difference } = altered((other) => {
      for (const change of other.changes)
        if (change.kind === 'service.state' && change.to === 'started') change.set.uid = 'another'
    })
    expect(difference).toHaveLength(2)
    expect(difference[0]).toMatch(/^- process:web: recovery → started on n1.*"uid":"another"/)
    expect(difference[1]).toMatch(/^\+ process:web: recovery → started on n1.*"uid":"1\.200/)
  })

  test('compares order, notes, jobs and the next round too', () => {
    expect(altered((other) => other.changes.reverse()).difference).toEqual([
      '! the same changes, in another order',
    ])
    expect(
      altered((other) => {
        other.serviceNotes['process:db'] = 'waits'
        other.nextRoundMs = 1
        other.jobs.push({ job: 'fence-node', node: 'n1', epoch: 3, startAfterMs: 1 })
      }).difference,
    ).toEqual([
      '- service note of process:db: waits',
      expect.stringContaining('- job {"epoch":3'),
      '- next round 1',
      expect.stringMatching(/^\+ next round \d+$/),
    ])
  })

  test('of a view that this version cannot decide on is not the same, and says so', () => {
    const older = { ...view, settings: undefined } as unknown as ClusterView
    expect(replay(older, plan)).toMatchObject({ same: false, changesNow: 0 })
    expect(replay(older, plan).difference[0]).toContain('the decision fails on this view now')
  })
})

describe('a round as text', () => {
  const dictionary = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 400 })
  const anything = fc.record(
    {
      nodes: dictionary,
      services: dictionary,
      changes: fc.array(fc.jsonValue(), { maxLength: 600 }),
      rules: fc.constantFrom(null, undefined, [], 'none'),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )

  test('in pieces is what it is at once', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect([...piecesOf(value)].join('')).toBe(JSON.stringify(value))
      }),
    )
  })

  test('comes back as it was, packed either way', async () => {
    const services = Array.from({ length: 400 }, (_, at) => aService(`process:s${at}`, 'n1'))
    const view = buildView({ services })
    expect(await unpack(packAtOnce(view))).toEqual(throughJson(view))
    expect(await unpack(await packInPieces(view))).toEqual(throughJson(view))
  })
})

describe('a view as the difference from an older one', () => {
  test('is completed to what it was, after any history', () => {
    fc.assert(
      fc.property(lives, (events) => {
        const views = busyViews(events)
        views.forEach((view, at) => {
          const older = views[Math.max(0, at - 3)]!
          const difference = throughJson(differenceOf(view, baseOf(older)))
          expect(completedFrom(difference, throughJson(older))).toEqual(throughJson(view))
        })
      }),
      { numRuns: Number(process.env.RUNS ?? 15) },
    )
  })

  test('holds nothing that is shared, and of services that only use more, only that', () => {
    const services = ['a', 'b', 'c', 'd'].map((name) => aService(`process:${name}`, 'n1'))
    const older = buildView({ services })
    const usage = { cpus: 1.5, memoryBytes: 1_000 }
    const { 'process:d': gone, ...kept } = older.services
    const view = {
      ...older,
      round: 201,
      nodes: { ...older.nodes, n1: { ...older.nodes.n1!, sinceMs: 5 } },
      services: {
        ...kept,
        'process:a': { ...older.services['process:a']!, usage },
        'process:b': { ...older.services['process:b']!, grant: null },
      },
    }
    const difference = differenceOf(view, baseOf(older))
    expect(Object.keys(difference.services)).toEqual(['process:b'])
    expect(difference).toMatchObject({
      base: 200,
      usages: { 'process:a': usage },
      gone: [gone!.sid],
      sameReports: ['n1', 'n2', 'n3'],
    })
    expect(completedFrom(throughJson(difference), throughJson(older))).toEqual(throughJson(view))
  })
})
