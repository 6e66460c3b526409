// Automatic rebalancing: when it acts, what it moves, and that it comes to rest.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import type { Plan } from '../../control-plane/cluster/plan.ts'
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { loadsOf } from '../../control-plane/crm/decide/scores.ts'
import { place } from '../../control-plane/crm/decide/place.ts'
import { imbalanceOf, nodeLoads } from '../../control-plane/crm/decide/usage/imbalance.ts'
import { nominalRoundMs, type Scheduling } from '../../shared/scheduling.ts'
import type { Rule } from '../../shared/rule.ts'
import {
  aCommand,
  aGroup,
  aNode,
  aService,
  buildView,
  nowMs,
  silentNode,
  type ServiceChanges,
  type ViewChanges,
} from './build-view.ts'

const GB = 1e9
const scheduling: Scheduling = {
  ...{ mode: 'dynamic', rebalanceOnStart: false, autoRebalance: true, method: 'bruteforce' },
  ...{ threshold: 0.3, holdRounds: 1, margin: 0.1 },
}

/** A node of 10 CPUs and 10 GB, of which `used` of each is in use. */
const node = (name: string, used: number) =>
  aNode(name, {
    capacity: { cpus: 10, memoryBytes: 10 * GB },
    usage: { cpus: used, memoryBytes: used * GB },
  })

const service = (
  sid: string,
  on: string,
  uses: number,
  more: ServiceChanges = {},
): ServiceView => ({
  ...aService(sid, on, more),
  usage: { cpus: uses, memoryBytes: uses * GB },
})

/** Two on n1 that use 3 each; n2 and n3 idle. */
const uneven = (more: ViewChanges = {}, settings: Partial<Scheduling> = {}): ClusterView =>
  buildView({
    nodes: [node('n1', 6), node('n2', 0), node('n3', 0)],
    services: [service('process:a', 'n1', 3), service('process:b', 'n1', 3)],
    ...more,
    settings: { scheduling: { ...scheduling, ...settings }, ...more.settings },
  })

const movesIn = ({ changes }: Plan) =>
  changes.flatMap((change) =>
    change.kind === 'service.state' && change.to === 'relocate'
      ? [`${change.sid} ${change.set.target}`]
      : [],
  )
const moves = (view: ClusterView) => movesIn(decide(view))
const since = (view: ClusterView) => applyPlan(view, decide(view)).imbalancedSinceMs

describe('when it acts', () => {
  test('one service of two leaves the only loaded node, for the first idle one by name', () => {
    // Loads 0.6, 0, 0: √2. After the move 0.3, 0.3, 0: 0.1414 ÷ 0.2 = 0.707.
    const plan = decide(uneven())
    expect(movesIn(plan)).toEqual(['process:a n2'])
    const { why } = plan.changes.find((change) => change.kind === 'service.state')!
    expect(why).toBe('rebalancing from n1: imbalance 1.414 to 0.707')
  })

  test.each([
    ['it is switched off', {}, { autoRebalance: false }],
    ['services are only counted', {}, { mode: 'basic' as const }],
    [
      'the cluster is being disarmed',
      { disarm: { mode: 'freeze' as const, state: 'disarming' as const, sinceMs: 0 } },
      {},
    ],
    [
      'placement has not settled after an outage',
      {
        quietSinceMs: nowMs - 1,
        nodes: [node('n1', 6), node('n2', 0), silentNode('n3', { state: 'unknown' })],
      },
      {},
    ],
    [
      'a node has not said what it uses',
      { nodes: [node('n1', 6), node('n2', 0), aNode('n3')] },
      {},
    ],
    ['the imbalance equals the threshold', {}, { threshold: Math.SQRT2 }],
    ['no move improves by the margin', {}, { margin: 0.6 }],
  ])('nothing moves while %s', (_, more, settings) => {
    expect(moves(uneven(more as ViewChanges, settings))).toEqual([])
  })

  test('nothing moves while a move is under way or queued', () => {
    const moving = service('process:c', 'n2', 0, { status: { state: 'relocate', target: 'n3' } })
    const services = [...Object.values(uneven().services), moving]
    expect(moves(uneven({ services }))).toEqual([])
    const command = aCommand('relocate', 'process:b', { node: 'n3' })
    expect(moves(uneven({ commands: [command] }))).toEqual(['process:b n3']) // as commanded, and no other
  })

  test('a node whose figures are missing is named in its note', () => {
    const view = uneven({ nodes: [node('n1', 6), node('n2', 0), aNode('n3')] })
    expect(decide(view).nodeNotes).toEqual({
      n3: 'it is not known how much of its CPUs and memory is in use: nodes are weighed by counting services',
    })
  })
})

describe('the hold', () => {
  const held = (
    imbalancedMs: number | null,
    holdRounds: number,
    lastMs: number | null = nowMs - 10,
  ) =>
    uneven(
      {
        imbalancedSinceMs: imbalancedMs === null ? null : nowMs - imbalancedMs,
        ...(lastMs !== null && { lastRoundMs: lastMs }),
      },
      { holdRounds },
    )

  test('of 0 and 1 acts at once; of n it acts n − 1 nominal rounds after it was first seen', () => {
    for (const rounds of [0, 1]) expect(moves(held(null, rounds))).toHaveLength(1)
    expect(moves(held(null, 3))).toEqual([])
    expect(moves(held(2 * nominalRoundMs - 1, 3))).toEqual([])
    expect(moves(held(2 * nominalRoundMs, 3))).toHaveLength(1)
  })

  test('begins when the imbalance is first seen, asks for the round in which it ends, and is over with the imbalance', () => {
    expect(since(held(null, 3))).toBe(nowMs)
    expect(decide(held(null, 3)).nextRoundMs).toBeLessThanOrEqual(nowMs + 2 * nominalRoundMs)
    expect(since(held(5_000, 3))).toBe(nowMs - 5_000)
    expect(
      since({
        ...held(5_000, 3),
        nodes: uneven({ nodes: [node('n1', 4), node('n2', 4), node('n3', 4)] }).nodes,
      }),
    ).toBeNull()
    expect(since(held(2 * nominalRoundMs, 3))).toBeNull() // it acted
  })

  test('is not looked at again in every round: after as long again, whatever rounds come in between', () => {
    const hopeless = (imbalancedMs: number, lastAgoMs: number) => {
      const view = held(imbalancedMs, 3, nowMs - lastAgoMs)
      return moves(view).length
    }
    expect(hopeless(25_000, 100)).toBe(0) // looked at 20 s, in an earlier round
    expect(hopeless(25_000, 6_000)).toBe(1) // no round has come since it was due
    expect(hopeless(49_999, 100)).toBe(0)
    expect(hopeless(50_000, 100)).toBe(1)
  })
})

describe('what it moves', () => {
  const withFirst = (changes: ServiceChanges) =>
    uneven({ services: [service('process:a', 'n1', 3, changes), service('process:b', 'n1', 3)] })

  test.each([
    ['is exempt', { config: { autoRebalance: false } }],
    ['does not run yet', { status: { running: false } }],
    ['is to restart', { status: { restart: true } }],
    ['is being dealt with for an operator', { status: { command: 'c' } }],
    ['failed to move a moment ago', { status: { moveFailures: 1, retryAtMs: nowMs + 5_000 } }],
  ])('never a service that %s', (_, changes) => {
    const found = moves(withFirst(changes as ServiceChanges))
    expect(found.filter((move) => move.startsWith('process:a'))).toEqual([])
  })

  test('never one whose use is not known', () => {
    const services = [aService('process:a', 'n1'), service('process:b', 'n1', 3)]
    expect(moves(uneven({ services }))).toEqual(['process:b n2'])
  })

  const together: Rule = {
    ...{
      id: 'keep',
      type: 'resource-affinity',
      affinity: 'positive',
      disabled: false,
      comment: '',
    },
    resources: ['process:a', 'process:b'],
  }
  const apart: Rule = { ...together, affinity: 'negative', resources: ['process:a', 'process:c'] }

  test('partners go together, after their first, or not at all', () => {
    const services = [
      service('process:a', 'n1', 2),
      service('process:b', 'n1', 2),
      service('process:c', 'n1', 2),
    ]
    // c alone would leave 4, 2, 0; a and b together leave 2, 4, 0: as good, and first.
    expect(moves(uneven({ rules: [together], services }))).toEqual(['process:a n2', 'process:b n2'])
    services[1] = service('process:b', 'n1', 2, { config: { autoRebalance: false } })
    expect(moves(uneven({ rules: [together], services }))).toEqual(['process:c n2'])
  })

  test('never to a node where somebody is from whom it stays apart', () => {
    const services = [service('process:a', 'n1', 6), service('process:c', 'n2', 0)]
    const view = uneven({
      rules: [apart],
      services,
      nodes: [node('n1', 6), node('n2', 0), node('n3', 0)],
    })
    view.settings.scheduling.margin = 0
    expect(moves(view)).toEqual([]) // moving all of it to n3 improves nothing
    view.services['process:d'] = service('process:d', 'n1', 1)
    view.nodes.n1!.usage = { cpus: 7, memoryBytes: 7 * GB }
    expect(moves(view)).toEqual(['process:a n3'])
  })

  test('only to the best nodes of its group that are available', () => {
    const groups = [aGroup('g', { n1: 2, n3: 2, n2: 1 })]
    const services = [service('process:a', 'n1', 3, { config: { group: 'g' } })]
    expect(moves(uneven({ groups, services }))).toEqual(['process:a n3'])
  })

  test('under static scheduling by what services are configured with', () => {
    const figures = (cpus: number) => ({ cpus, memoryBytes: cpus * GB })
    const services = [1, 5, 2].map((cpus, index) =>
      aService(`process:${'abc'[index]}`, 'n1', { config: { figures: figures(cpus) } }),
    )
    const nodes = ['n1', 'n2'].map((name) => node(name, 0))
    // 8 and 0. Without b: 3 and 5, which is the most even.
    expect(moves(uneven({ nodes, services }, { mode: 'static' }))).toEqual(['process:b n2'])
  })
})

// ── it improves what it touches, keeps the rules, and comes to rest ──────────────────────────────────────────────────

const aCluster = fc
  .record({
    uses: fc.array(fc.record({ on: fc.nat(3), cpus: fc.nat(4), memory: fc.nat(4) }), {
      minLength: 2,
      maxLength: 12,
    }),
    pairs: fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.boolean()), { maxLength: 3 }),
    method: fc.constantFrom('bruteforce' as const, 'topsis' as const),
    margin: fc.constantFrom(0, 0.1, 0.3),
    threshold: fc.constantFrom(0, 0.2),
  })
  .map(({ uses, pairs, method, margin, threshold }) => {
    const sid = (index: number) => `process:s${String(index % uses.length).padStart(2, '0')}`
    const rules = pairs
      .filter(([a, b]) => sid(a) !== sid(b))
      .map(
        ([a, b, isTogether], index): Rule => ({
          ...{ id: `r${index}`, type: 'resource-affinity', disabled: false, comment: '' },
          affinity: isTogether ? 'positive' : 'negative',
          resources: [sid(a), sid(b)],
        }),
      )
    const services = uses.map(({ on, cpus, memory }, index) => ({
      ...aService(sid(index), `n${on}`),
      usage: { cpus, memoryBytes: memory * GB },
    }))
    const settings = { scheduling: { ...scheduling, method, margin, threshold } }
    return measured(
      buildView({
        nodes: ['n0', 'n1', 'n2', 'n3'].map((n) => node(n, 0)),
        services,
        rules,
        settings,
      }),
    )
  })

test('figures of before the last move move nothing back: each node must have been measured since', () => {
  const measuredMs = (agoMs: number): ClusterView => {
    const view = uneven()
    for (const one of Object.values(view.nodes)) one.usageMs = nowMs - agoMs
    // Since 10 s nothing moves any more; looked at for the first time in this round.
    return { ...view, imbalancedSinceMs: nowMs - nominalRoundMs, lastRoundMs: nowMs - 15_000 }
  }
  expect(movesIn(decide(measuredMs(0)))).not.toEqual([])
  expect(movesIn(decide(measuredMs(1)))).toEqual([])
  const stale = measuredMs(0)
  stale.nodes.n3!.usageMs = nowMs - 11_000
  expect(movesIn(decide(stale))).toEqual([])
})

/** As the agents will measure it: each node uses what its services use. */
function measured(view: ClusterView): ClusterView {
  for (const one of Object.values(view.nodes)) one.usage = { cpus: 0, memoryBytes: 0 }
  for (const { status, usage } of Object.values(view.services)) {
    const total = view.nodes[status!.node!]!.usage!
    total.cpus += usage!.cpus
    total.memoryBytes += usage!.memoryBytes
  }
  return view
}

/** The view once every move of it has been carried out. */
function afterMoves(view: ClusterView, plan: Plan): ClusterView {
  const after = structuredClone(applyPlan(view, plan))
  for (const { status, grant } of Object.values(after.services)) {
    if (status?.state !== 'relocate') continue
    Object.assign(status, { state: 'started', node: status.target, target: null, running: true })
    grant!.holders[0]!.node = status.node!
  }
  return measured(after)
}

const imbalance = (view: ClusterView) => imbalanceOf(nodeLoads(loadsOf(startDraft(view))))

test('every move improves by the margin, breaks no rule, and after finitely many there is none', () => {
  fc.assert(
    fc.property(aCluster, (start) => {
      // Whatever the rules move first is none of balancing's business.
      let view = start
      for (let round = 0; round < 60; round++) {
        const isKept = (sid: string) => place(startDraft(view), sid, 'stay').node
        const isSettled = Object.values(view.services).every(
          ({ sid, status }) => (isKept(sid) ?? status!.node) === status!.node,
        )
        const plan = decide({ ...view, imbalancedSinceMs: null })
        const moved = movesIn(plan)
        if (isSettled) {
          if (moved.length === 0) return
          const next = afterMoves(view, plan)
          const gain = (imbalance(view) - imbalance(next)) / imbalance(view)
          expect(gain).toBeGreaterThan(view.settings.scheduling.margin - 1e-9)
          expect(gain).toBeGreaterThan(0)
          const draft = startDraft(next)
          for (const move of moved) {
            const [sid, target] = move.split(' ') as [string, string]
            expect(place(draft, sid, 'stay').node).toBe(target)
          }
          view = next
        } else if (moved.length === 0)
          return // no rule can be kept any better
        else view = afterMoves(view, plan)
      }
      expect.unreachable('it never comes to rest')
    }),
    { numRuns: 150 },
  )
})
