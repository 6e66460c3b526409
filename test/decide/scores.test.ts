// How nodes are weighed in a plan: by mode, by what loads them, and as the plan changes it (reference 2.15.1 to 2.15.4).
import fc from 'fast-check'
import { finishWorkingView } from '../../control-plane/cluster/working-view.ts'
import { describe, expect, test } from 'vitest'
import type { ClusterView, ServiceStatus, ServiceView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { loadsOf, nodeScores } from '../../control-plane/crm/decide/scores.ts'
import { setFields, toState } from '../../control-plane/crm/decide/transition.ts'
import type { Figures, Scheduling } from '../../shared/scheduling.ts'
import { aNode, aService, buildView, type ServiceChanges, silentNode } from './build-view.ts'

const GB = 1e9
const figures = (cpus: number): Figures => ({ cpus, memoryBytes: cpus * GB })
const names = ['n1', 'n2', 'n3']

const node = (name: string, used: number | null = 0) =>
  aNode(name, {
    capacity: figures(8),
    drivers: ['process', 'vm', 'ct'],
    ...(used !== null && { usage: figures(used) }),
  })

const weighed = (
  mode: Scheduling['mode'],
  services: ServiceView[],
  nodes = names.map((name) => node(name)),
): ClusterView => {
  const view = buildView({ services, nodes })
  Object.assign(view.settings.scheduling, { mode })
  return view
}

const scores = (view: ClusterView, sid: string) => {
  const found = nodeScores(startDraft(view), sid)
  return names.map((name) => found.get(name))
}
const cpus = (view: ClusterView) => Array.from(loadsOf(startDraft(view)).cpu, (one) => one / 1e6)

const at = (
  state: ServiceStatus['state'],
  target: string | null = null,
  more: ServiceChanges = {},
) => aService('process:x', 'n1', { ...more, status: { state, target, ...more.status } })

describe('what a service loads', () => {
  test.each([
    [at('started'), [1, 0, 0]],
    [at('stopped'), [0, 0, 0]],
    [at('request_start'), [0, 0, 0]],
    [at('request_start_balance', 'n2'), [0, 1, 0]],
    [at('request_stop'), [1, 0, 0]],
    [at('freeze'), [1, 0, 0]],
    [at('error'), [1, 0, 0]],
    [at('migrate', 'n3'), [1, 0, 1]],
    [at('relocate', 'n2'), [1, 1, 0]],
  ])('%#: counted once on each node it is on or bound for', (service, expected) => {
    expect(scores(weighed('basic', [service]), 'process:x')).toEqual(expected)
  })

  test('nothing on a node that is not online', () => {
    const nodes = [node('n1'), node('n2'), silentNode('n3', { state: 'unknown' })]
    const view = weighed('basic', [aService('process:x', 'n3')], nodes)
    expect(scores(view, 'process:x')).toEqual([0, 0, undefined])
  })
})

describe('static', () => {
  const configured = (sid: string, of: number | null, more: ServiceChanges = {}) =>
    aService(sid, 'n1', { config: { figures: of === null ? null : figures(of) }, ...more })

  test('adds up what services are configured with, on both nodes of a move', () => {
    const moving = configured('process:b', 3, { status: { state: 'relocate', target: 'n2' } })
    expect(cpus(weighed('static', [configured('process:a', 2), moving]))).toEqual([5, 3, 0])
  })

  test('a virtual machine that says nothing has one CPU; anything else takes all of its node’s', () => {
    expect(cpus(weighed('static', [configured('vm:1', null)]))).toEqual([1, 0, 0])
    expect(cpus(weighed('static', [configured('ct:1', null)]))).toEqual([8, 0, 0])
    const memory = loadsOf(startDraft(weighed('static', [configured('ct:1', null)]))).memory
    expect(Array.from(memory)).toEqual([512 * 1024 ** 2, 0, 0])
  })
})

describe('dynamic', () => {
  const using = (running: boolean, state: ServiceStatus['state'] = 'started') => {
    const service = at(state, state === 'relocate' ? 'n2' : null, {
      config: { figures: figures(2) },
      status: { running },
    })
    return { ...service, usage: figures(1) }
  }
  const nodes = [node('n1', 3), node('n2', 1), node('n3', 0)]

  test('is what nodes were measured at; a start that is not confirmed yet comes on top, as configured', () => {
    expect(cpus(weighed('dynamic', [using(true)], nodes))).toEqual([3, 1, 0])
    expect(cpus(weighed('dynamic', [using(false)], nodes))).toEqual([5, 1, 0])
  })

  test('a service on its way is part of what its source was measured at, and of its target not yet', () => {
    expect(cpus(weighed('dynamic', [using(false, 'relocate')], nodes))).toEqual([3, 1, 0])
  })

  test('falls back to counting as long as a node that is online has not said what it uses', () => {
    const silent = [node('n1', 3), node('n2', null), node('n3', 0)]
    const view = weighed('dynamic', [using(true)], silent)
    expect(scores(view, 'process:x')).toEqual([1, 0, 0])
    silent[1] = silentNode('n2', { state: 'unknown', capacity: figures(8) })
    expect(cpus(weighed('dynamic', [using(true)], silent))).toEqual([3, 0])
  })
})

test('figures that are missing are told of their nodes, in the mode that needs them', () => {
  const nodes = [
    node('n1', 1),
    node('n2', null),
    aNode('n3', { capacity: { cpus: 0, memoryBytes: 0 } }),
  ]
  const notes = (mode: Scheduling['mode']) => decide(weighed(mode, [], nodes)).nodeNotes
  expect(notes('basic')).toEqual({})
  expect(Object.keys(notes('static'))).toEqual(['n3'])
  expect(Object.keys(notes('dynamic'))).toEqual(['n2', 'n3'])
})

// ── under any services and any changes ───────────────────────────────────────────────────────────────────────────────

const anyState = fc.constantFrom<ServiceStatus['state']>(
  ...(['started', 'stopped', 'request_start', 'request_start_balance', 'request_stop'] as const),
  ...(['migrate', 'relocate', 'fence', 'recovery', 'freeze', 'error'] as const),
)
const aPlacement = fc.record({
  state: anyState,
  node: fc.constantFrom(...names),
  target: fc.constantFrom(null, ...names),
  running: fc.boolean(),
  cpus: fc.constantFrom(0, 0.1, 0.3, 1, 2.7),
})
type Placement = typeof aPlacement extends fc.Arbitrary<infer T> ? T : never

const placed = (list: Placement[]) =>
  list.map(({ cpus: of, ...status }, index) => ({
    ...aService(`process:s${index}`, status.node, {
      config: { figures: { cpus: of, memoryBytes: of * GB } },
      status,
    }),
    usage: figures(of),
  }))
const anyMode = fc.constantFrom<Scheduling['mode']>('basic', 'static', 'dynamic')
const anyList = fc.array(aPlacement, { minLength: 1, maxLength: 8 })

test('the order of nodes and services decides nothing', () => {
  fc.assert(
    fc.property(anyMode, anyList, (mode, list) => {
      const view = weighed(
        mode,
        placed(list),
        names.map((name, index) => node(name, index / 3)),
      )
      const reversed = <T>(record: Record<string, T>) =>
        Object.fromEntries(Object.entries(record).reverse())
      const other = { ...view, nodes: reversed(view.nodes), services: reversed(view.services) }
      expect(scores(other, 'process:s0')).toEqual(scores(view, 'process:s0'))
    }),
  )
})

test('loads kept up to date through changes are the loads counted anew, to the last digit', () => {
  fc.assert(
    fc.property(
      anyMode,
      anyList,
      fc.array(fc.tuple(fc.nat(7), aPlacement)),
      (mode, list, changes) => {
        const view = weighed(
          mode,
          placed(list),
          names.map((name) => node(name, 0.7)),
        )
        const draft = startDraft(view)
        loadsOf(draft)
        for (const [index, { node: to, target, running }] of changes) {
          const sid = `process:s${index % list.length}`
          const { state } = draft.view.services.get(sid)!.status!
          if (state === 'started') toState(draft, sid, 'relocate', { target: target ?? to }, 'test')
          else if (state === 'relocate')
            toState(draft, sid, 'started', { node: to, running }, 'test')
          else setFields(draft, sid, { node: to, target, running }, 'test')
        }
        const counted = loadsOf(startDraft(finishWorkingView(draft.view)))
        expect(loadsOf(draft)).toEqual(counted)
      },
    ),
  )
})

test('in mode basic one more service on a node never makes its score better, nor any other’s worse', () => {
  fc.assert(
    fc.property(anyList, aPlacement, (list, more) => {
      const before = scores(weighed('basic', placed(list)), 'process:s0')
      const after = scores(weighed('basic', placed([...list, more])), 'process:s0')
      const loaded = (name: string) => name === more.node || name === more.target
      names.forEach((name, index) => {
        expect(after[index]!).toBeGreaterThanOrEqual(before[index]!)
        if (!loaded(name)) expect(after[index]).toBe(before[index])
      })
    }),
  )
})

test('ties go by name, and a start goes to the best score', () => {
  const waiting = aService('process:new', 'n2', {
    status: { state: 'recovery', running: false },
    grant: false,
  })
  const started = (view: ClusterView) =>
    decide(view).changes.flatMap((change) => (change.kind === 'grant.opened' ? [change.node] : []))
  expect(started(weighed('dynamic', [waiting]))).toEqual(['n1'])
  const busy = [node('n1', 4), node('n2', 4), node('n3', 2)]
  expect(started(weighed('dynamic', [waiting], busy))).toEqual(['n3'])
})

describe('rebalancing on start (T4 to T6)', () => {
  const wished = (on: string) =>
    aService('process:new', on, {
      status: { state: 'request_start', running: false },
      grant: false,
    })
  const others = ['a', 'b'].map((name) => aService(`process:${name}`, 'n1'))
  const states = (rebalanceOnStart: boolean, on: string) => {
    const view = weighed('basic', [...others, wished(on)])
    view.settings.scheduling.rebalanceOnStart = rebalanceOnStart
    return decide(view).changes.flatMap((change) => {
      if (change.kind === 'grant.opened') return [`granted on ${change.node}`]
      return change.kind === 'service.state'
        ? [`${change.to} ${change.set.target ?? ''}`.trim()]
        : []
    })
  }

  test('off: it starts where it was, however loaded that is', () => {
    expect(states(false, 'n1')).toEqual(['started', 'granted on n1'])
  })

  test('on: it goes by way of request_start_balance to the best node, unless it is there', () => {
    expect(states(true, 'n1')).toEqual(['request_start_balance n2', 'started', 'granted on n2'])
    expect(states(true, 'n2')).toEqual(['started', 'granted on n2'])
    // n3 is as good as n2: the name decides, as among all nodes.
    expect(states(true, 'n3')).toEqual(['request_start_balance n2', 'started', 'granted on n2'])
  })
})
