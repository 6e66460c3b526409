// Random rules over few services and nodes, so that they collide often.
import fc from 'fast-check'
import type { Rule } from '../../shared/rule.ts'
import { apart, aRule, together } from '../decide/build-rules.ts'

export const nodes = ['n1', 'n2', 'n3', 'n4']
const sids = ['vm:1', 'vm:2', 'vm:3', 'vm:4', 'vm:5', 'vm:6', 'vm:7', 'vm:8']

const some = (names: string[], minLength: number) =>
  fc.uniqueArray(fc.constantFrom(...names), { minLength, maxLength: 4 })

const rule = (from: string[], on: string[]) => (id: string) =>
  fc.oneof(
    some(from, 1).map((resources): Rule => together(id, resources)),
    some(from, 1).map((resources): Rule => apart(id, resources)),
    fc
      .record({
        resources: some(from, 1),
        named: some(on, 1),
        priority: fc.nat(1),
        strict: fc.boolean(),
      })
      .map(({ resources, named, priority, strict }): Rule => {
        const priorities = named.map((node, index) => [node, index === 0 ? priority : 0])
        return aRule(id, resources, Object.fromEntries(priorities), { strict })
      }),
  )

/** Up to `most` rules over `from` and `on`, with ids of their own. */
export function drawRules(most: number, from = sids, on = nodes): fc.Arbitrary<Rule[]> {
  const ids = Array.from({ length: most }, (_, index) => `r${index}`)
  return fc
    .subarray(ids)
    .chain((named) => fc.tuple(...named.map(rule(from, on))))
    .chain((rules) => fc.shuffledSubarray(rules, { minLength: rules.length }))
}
