// The check on new placements sees each thing that one may break, and nothing in a rule that counts for nothing.
import { expect, test } from 'vitest'
import { apart, aStrictRule } from '../decide/build-rules.ts'
import { aGroup, aNode, aService, buildView } from '../decide/build-view.ts'
import { placementFaults } from './rules-kept.ts'

const [a, b] = ['process:a', 'process:b']
const none = { class: 'none', identity: 'none', effectiveMs: 0 } as const

test.each<[string, Parameters<typeof buildView>[0], RegExp]>([
  ['a strict rule', { rules: [aStrictRule('only', [a], ['n2'])] }, /against strict rule only$/],
  ['a rule to stay apart', { rules: [apart('r', [a, b])] }, /rule r, which keeps it apart$/],
  ['a restricted group', { groups: [{ ...aGroup('g', { n2: 1 }), restricted: true }] }, /group g$/],
  ['a missing driver', { nodes: [aNode('n1', { drivers: ['vm'] }), aNode('n2')] }, /driver$/],
  ['a missing watchdog', { nodes: [aNode('n1', { watchdog: none }), aNode('n2')] }, /watchdog$/],
])('%s is seen to be broken', (_, changes, said) => {
  const config = changes?.groups ? { group: 'g' } : {}
  const view = buildView({
    services: [aService(a, 'n1', { config }), aService(b, 'n1')],
    ...changes,
  })
  expect(placementFaults(view, a, 'n1')).toEqual([expect.stringMatching(said)])
  expect(placementFaults({ ...view, rules: [], groups: {} }, a, 'n2')).toEqual([])
})

test('rules that contradict each other, or that there are too few nodes for, break nothing', () => {
  const services = [aService(a, 'n1'), aService(b, 'n1')]
  const together = { ...apart('t', [a, b]), affinity: 'positive' as const }
  const contrary = buildView({ services, rules: [apart('r', [a, b]), together] })
  expect(placementFaults(contrary, a, 'n1')).toEqual([])
  const alone = buildView({ services, nodes: [aNode('n1')], rules: [apart('r', [a, b])] })
  expect(placementFaults(alone, a, 'n1')).toEqual([])
})
