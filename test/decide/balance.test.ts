// Automatic rebalancing: when it acts, and what it moves; that it comes to rest: balance-rests.test.ts.
import { describe, expect, test } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { nominalRoundMs } from '../../shared/scheduling.ts'
import type { Rule } from '../../shared/rule.ts'
import {
  aCommand,
  aGroup,
  aNode,
  aService,
  nowMs,
  silentNode,
  type ServiceChanges,
  type ViewChanges,
} from './build-view.ts'
import { GB, moves, movesIn, node, service, since, uneven } from './unevenly.ts'

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
    expect(hopeless(49_000, 100)).toBe(0)
    expect(hopeless(50_000, 100)).toBe(1)
  })

  test('that ends while a round is under way, after its look at the view, is over in the next one', () => {
    const view = held(2 * nominalRoundMs + 3, 3, nowMs - 2)
    expect(moves(view)).toHaveLength(1)
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
