import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestMove } from '../../../control-plane/crm/decide/usage/best-move.ts'
import { imbalanceOf, nodeLoads } from '../../../control-plane/crm/decide/usage/imbalance.ts'
import type { Movable } from '../../../control-plane/crm/decide/usage/movable.ts'
import { prospects } from '../../../control-plane/crm/decide/usage/prospects.ts'
import {
  aNode,
  anAmount,
  imbalance,
  loadsWith,
  moveTo,
  names,
  type Node,
  topsis,
} from './by-definition.ts'

const even = (cpu: number, memory: number): Node => ({ cpu, memory, mostCpu: 10, mostMemory: 10 })
const of = (...nodes: Node[]) => imbalanceOf(nodeLoads(loadsWith(nodes)))

test('the imbalance is the coefficient of variation of the loads', () => {
  expect(of(even(0, 0), even(0, 0))).toBe(0)
  expect(of(even(4, 4), even(4, 4), even(4, 4))).toBeCloseTo(0, 12)
  // All on one of three: loads 0.6, 0, 0; mean 0.2; deviation √((0.16 + 0.04 + 0.04) / 3) = 0.2828; that is √2 means.
  expect(of(even(4, 8), even(0, 0), even(0, 0))).toBeCloseTo(Math.SQRT2, 14)
  // Loads 0.5 and 0.3: mean 0.4, deviation 0.1.
  expect(of(even(5, 5), even(2, 4))).toBeCloseTo(0.25, 14)
})

const movable = (
  leader: string,
  from: number,
  targets: number[],
  cpu: number,
  memory = cpu,
): Movable => ({
  leader,
  from,
  targets,
  usage: { cpu, memory },
})

test('the most even outcome wins; equal ones by leader, then by the target’s name', () => {
  const nodes = [even(6, 6), even(0, 0), even(0, 0)]
  const movables = [
    movable('vm:101', 0, [0, 1, 2], 1),
    movable('vm:102', 0, [0, 1, 2], 3),
    movable('vm:103', 0, [0, 1, 2], 3),
  ]
  // 6 = 3 + 3 + 0: deviation √2, of a mean of 2.
  expect(bestMove(loadsWith(nodes), movables, 'bruteforce')).toEqual({
    leader: 'vm:102',
    from: 'n000',
    to: 'n001',
    imbalance: 0.707106781186547,
  })
  expect(bestMove(loadsWith(nodes), movables, 'topsis')).toMatchObject({
    leader: 'vm:102',
    to: 'n001',
  })
})

test('what may go nowhere is not moved', () => {
  const nodes = [even(6, 6), even(0, 0)]
  expect(bestMove(loadsWith(nodes), [], 'bruteforce')).toBeNull()
  expect(bestMove(loadsWith(nodes), [movable('vm:1', 0, [0], 3)], 'bruteforce')).toBeNull()
  expect(bestMove(loadsWith(nodes), [movable('vm:1', 0, [], 3)], 'topsis')).toBeNull()
})

test('a service that was measured at more than its node leaves nothing behind, and no less', () => {
  const nodes = [even(2, 2), even(1, 1)]
  const found = bestMove(loadsWith(nodes), [movable('vm:1', 0, [1], 5)], 'bruteforce')
  expect(found?.imbalance).toBe(1) // loads 0 and 0.6
})

const aCluster = fc.array(aNode, { minLength: 2, maxLength: 7 }).chain((nodes) =>
  fc.record({
    nodes: fc.constant(nodes),
    movables: fc
      .array(
        fc.record({
          from: fc.nat(nodes.length - 1),
          usage: anAmount,
          skipped: fc.nat(nodes.length),
        }),
        { minLength: 1, maxLength: 12 },
      )
      .map((list) =>
        list.map(
          ({ from, usage, skipped }, index): Movable => ({
            leader: `vm:${100 + index}`,
            from,
            targets: nodes.flatMap((_, place) => (place === skipped ? [] : [place])),
            usage,
          }),
        ),
      ),
  }),
)

const movesOf = (movables: Movable[]) =>
  movables.flatMap((one) =>
    Array.from(one.targets).flatMap((to) => (to === one.from ? [] : [{ one, to }])),
  )

test('brute force finds what looking at every move by its definition finds', () => {
  fc.assert(
    fc.property(aCluster, ({ nodes, movables }) => {
      const outcomes = movesOf(movables).map(({ one, to }) =>
        imbalance(moveTo(nodes, one.from, to, one.usage)),
      )
      const found = bestMove(loadsWith(nodes), movables, 'bruteforce')
      fc.pre(outcomes.length > 0)
      expect(found!.imbalance).toBeCloseTo(Math.min(...outcomes), 12)
    }),
  )
})

test('TOPSIS finds a move whose outcome is ranked first by its definition', () => {
  fc.assert(
    fc.property(aCluster, ({ nodes, movables }) => {
      const moves = movesOf(movables)
      const found = bestMove(loadsWith(nodes), movables, 'topsis')
      fc.pre(moves.length > 0)
      const scores = topsis(moves.map(({ one, to }) => moveTo(nodes, one.from, to, one.usage)))
      const at = moves.findIndex(
        ({ one, to }) => one.leader === found!.leader && names(nodes.length)[to] === found!.to,
      )
      const spread = Math.max(...scores) - Math.min(...scores)
      fc.pre(spread > 1e-6)
      expect(scores[at]).toBeCloseTo(Math.max(...scores), 6)
    }),
  )
})

test('no move of a bundle leads to less imbalance than its prospects promise', () => {
  fc.assert(
    fc.property(aCluster, ({ nodes, movables }) => {
      const bounds = prospects(loadsWith(nodes), movables)
      movables.forEach((one, index) => {
        for (const { to } of movesOf([one]))
          expect(imbalance(moveTo(nodes, one.from, to, one.usage))).toBeGreaterThanOrEqual(
            bounds[index]! - 1e-9,
          )
      })
    }),
    { numRuns: 500 },
  )
})

test('in a large cluster of like machines most bundles are ruled out at once, and the best move is found all the same', () => {
  // 600 nodes, on each a load of its own; the first is by far the fullest, the last by far the emptiest.
  const nodes = Array.from({ length: 600 }, (_, place): Node => {
    const load = place === 0 ? 900 : place === 599 ? 100 : 500 + (place % 7)
    return {
      cpu: load,
      memory: load,
      mostCpu: 1_000 + (place % 3),
      mostMemory: 1_000 + (place % 5),
    }
  })
  const targets = nodes.map((_, place) => place)
  const movables = targets.map((place) =>
    movable(`vm:${1_000 + place}`, place, targets, place === 0 ? 400 : 5),
  )
  const best = { leader: 'vm:1000', from: 'n000', to: 'n599' }
  const loads = loadsWith(nodes)
  expect(bestMove(loads, movables, 'bruteforce')).toMatchObject(best)
  expect(bestMove(loads, movables, 'topsis')).toMatchObject(best) // 359,400 moves: more than are ranked
  const bounds = prospects(loads, movables)
  expect(bounds.filter((bound) => bound <= bounds[0]! + 1e-9)).toHaveLength(1)
})
