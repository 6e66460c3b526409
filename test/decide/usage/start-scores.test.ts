import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startScores } from '../../../control-plane/crm/decide/usage/start-scores.ts'
import { aNode, anAmount, loadsWith, type Node, startOn, topsis } from './by-definition.ts'

const GB = 1e9
const node = (cpus: number, gigabytes: number, most = { cpus: 4, gigabytes: 8 }): Node => ({
  cpu: cpus * 1e6,
  memory: gigabytes * GB,
  mostCpu: most.cpus * 1e6,
  mostMemory: most.gigabytes * GB,
})
const demand = (cpus: number, gigabytes: number) => ({ cpu: cpus * 1e6, memory: gigabytes * GB })
const scores = (nodes: Node[], of = demand(1, 2)) => Array.from(startScores(loadsWith(nodes), of))

test('a start is best where it fills no node further, and next to where the nodes stay even', () => {
  // Loads of a, b, c are 1/2, 0, 1/4, and a start adds 1/4. On a: 1 + √(41/48 ÷ 4) = 1.4564 on the whole and 1.75 at
  // most; on b: 1 + √(1/8) = 1.3536 and 1.5; on c: 1 + √(1/6) = 1.4082 and 1.5. CPU and memory alike. So a is worst in
  // both, b best in both, and c 0.8907 of the way from worst to best.
  const found = scores([node(2, 4), node(0, 0), node(1, 2)])
  expect(found[0]).toBe(0)
  expect(found[1]).toBe(-1)
  expect(found[2]).toBeCloseTo(-0.890677065464195, 14)
})

test.each([
  ['memory weighs five times as much as CPU', [node(0, 4), node(2, 0)], demand(1, 2), 1],
  [
    'the bigger node is better for the same start',
    [node(0, 0), node(0, 0, { cpus: 8, gigabytes: 16 })],
    demand(1, 2),
    1,
  ],
  [
    'a service without a limit counts as all of its node’s CPUs',
    [node(2, 1), node(0, 2)],
    demand(0, 0),
    1,
  ],
] as const)('%s', (_, nodes, of, best) => {
  const found = scores([...nodes], of)
  expect(found.indexOf(Math.min(...found))).toBe(best)
})

test('nodes that are alike tie to the last digit, and a single node has nothing to be compared with', () => {
  const found = scores([node(1.1, 3), node(0.7, 1), node(1.1, 3), node(0.7, 1)], demand(0.3, 0.7))
  expect(found[0]).toBe(found[2])
  expect(found[1]).toBe(found[3])
  expect(scores([node(1, 1)])).toEqual([0])
  expect(scores([])).toEqual([])
})

test('the closed form comes to what the definition says', () => {
  fc.assert(
    fc.property(fc.array(aNode, { minLength: 2, maxLength: 12 }), anAmount, (nodes, of) => {
      const byDefinition = topsis(nodes.map((_, place) => startOn(nodes, place, of)))
      const found = scores(nodes, of)
      // Where all alternatives cost the same but for rounding, the definition itself has no digits left.
      const spread = Math.max(...byDefinition) - Math.min(...byDefinition)
      fc.pre(spread > 1e-6)
      byDefinition.forEach((score, place) => expect(found[place]).toBeCloseTo(-score, 6))
    }),
  )
})
