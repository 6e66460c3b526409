// The feasibility checks F1–F7: what each of them names, with whom, and what it must let pass.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findInfeasible } from '../../control-plane/cluster/rules/feasibility.ts'
import { reasonText } from '../../control-plane/cluster/rules/reasons.ts'
import type { Rule } from '../../shared/rule.ts'
import { apart, aRule, aStrictRule, together } from '../decide/build-rules.ts'
import { drawRules, nodes } from './draw-rules.ts'

/** Codes by rule, on a cluster of `size` nodes. */
function codes(rules: Rule[], size = 3) {
  const roster = nodes.slice(0, size)
  return Object.fromEntries(
    [...findInfeasible(rules, roster)].map(([id, reasons]) => [id, reasons.map((one) => one.code)]),
  )
}

const bothNodeRules = 'resource_in_multiple_node_affinity_rules'
const opposite = 'conflicts_with_opposite_affinity'
const overClasses = 'resource_affinity_over_multi_priority_node_affinity'
const classes = 'multi_priority_node_affinity_with_resource_affinity'
const overSeveral = 'positive_affinity_over_multiple_node_affinity_rules'
const several = 'multiple_node_affinity_rules_with_positive_affinity'
const overFew = 'negative_affinity_over_too_few_nodes'
const few = 'too_few_nodes_for_negative_affinity'

describe('rules that cannot be kept', () => {
  it.each<[string, Rule[], Record<string, string[]>]>([
    [
      'F1: a service in two node affinity rules',
      [
        aRule('a', ['vm:1', 'vm:2'], ['n1']),
        aStrictRule('b', ['vm:2'], ['n2']),
        aRule('c', ['vm:3'], ['n1']),
      ],
      { a: [bothNodeRules], b: [bothNodeRules] },
    ],
    [
      'F1: once for each such service',
      [aRule('a', ['vm:1', 'vm:2'], ['n1']), aRule('b', ['vm:2', 'vm:1'], ['n2'])],
      { a: [bothNodeRules, bothNodeRules], b: [bothNodeRules, bothNodeRules] },
    ],
    [
      'F2: nothing to keep together or apart',
      [together('a', ['vm:1']), apart('b', ['vm:2'])],
      { a: ['fewer_than_two_resources'], b: ['fewer_than_two_resources'] },
    ],
    [
      'F3: more services to keep apart than nodes',
      [apart('a', ['vm:1', 'vm:2', 'vm:3', 'vm:4']), apart('b', ['vm:1', 'vm:2', 'vm:3'])],
      { a: ['more_resources_than_nodes'] },
    ],
    [
      'F4: together and apart at once, through a chain of rules',
      [
        together('a', ['vm:1', 'vm:2']),
        together('b', ['vm:2', 'vm:3']),
        apart('c', ['vm:1', 'vm:3']),
        together('d', ['vm:4', 'vm:5']),
      ],
      { a: [opposite], b: [opposite], c: [opposite] },
    ],
    [
      'F5: every node affinity rule of the services, where one of them has classes',
      [
        apart('a', ['vm:1', 'vm:2']),
        aRule('b', ['vm:1'], { n1: 1, n2: 0 }),
        aRule('c', ['vm:2'], ['n3']),
        aRule('d', ['vm:3'], { n1: 1, n2: 0 }),
      ],
      { a: [overClasses], b: [classes], c: [classes] },
    ],
    [
      'F6: two node affinity rules for a connected set',
      [
        together('a', ['vm:1', 'vm:2']),
        together('b', ['vm:2', 'vm:3']),
        aRule('c', ['vm:1'], ['n1']),
        aRule('d', ['vm:3'], ['n1']),
      ],
      { a: [overSeveral], b: [overSeveral], c: [several], d: [several] },
    ],
    [
      'F7: fewer nodes than services to keep apart on them, strict or not',
      [
        apart('a', ['vm:1', 'vm:2', 'vm:3']),
        aRule('b', ['vm:1'], ['n1']),
        aStrictRule('c', ['vm:2'], ['n1']),
      ],
      { a: [overFew], b: [few], c: [few] },
    ],
    [
      'F7: nodes that are no members have no room',
      [apart('a', ['vm:1', 'vm:2']), aStrictRule('b', ['vm:1', 'vm:2'], ['n1', 'gone'])],
      { a: [overFew], b: [few] },
    ],
  ])('%s', (_name, rules, expected) => {
    expect(codes(rules)).toEqual(expected)
  })

  it('are told with all others of the conflict, for people too', () => {
    const rules = [
      together('a', ['vm:1', 'vm:2']),
      together('b', ['vm:2', 'vm:3']),
      apart('c', ['vm:1', 'vm:3']),
    ]
    const [reason] = findInfeasible(rules, nodes).get('c')!
    expect(reason).toEqual({
      ...{ code: opposite, opposite: 'positive', about: 'vm:1, vm:3', rules: ['a', 'b'] },
    })
    expect(reasonText(reason!)).toMatch(/together and apart.*see rule a, rule b$/)
  })

  it.each<[string, Rule[], string, RegExp]>([
    [
      'F1',
      [aRule('a', ['vm:1', 'vm:2'], ['n1']), aRule('b', ['vm:2'], ['n2'])],
      'a',
      /another node affinity rule too \(vm:2\): it may be in one of them only; see rule b$/,
    ],
    ['F2', [together('a', ['vm:1'])], 'a', /fewer than two services.*: name two or more/],
    [
      'F3',
      [apart('a', ['vm:1', 'vm:2', 'vm:3', 'vm:4'])],
      'a',
      /\(4 services, 3 nodes\): name no more services than there are nodes$/,
    ],
    [
      'F4, also of many',
      [
        together(
          'a',
          ['1', '2', '3', '4', '5', '6', '7'].map((name) => `vm:${name}`),
        ),
        apart('b', ['vm:7', 'vm:1']),
        apart('c', ['vm:2', 'vm:3']),
      ],
      'a',
      /\(vm:1, vm:7\): leave no more than one of them under both; see rule b$/,
    ],
    [
      'F5',
      [apart('a', ['vm:1', 'vm:2']), aRule('b', ['vm:1'], { n1: 1, n2: 0 })],
      'b',
      /\(vm:1\): give all nodes of the rule one priority, or take them out of it; see rule a$/,
    ],
    [
      'F6',
      [
        together('a', ['vm:1', 'vm:2', 'vm:3']),
        aRule('c', ['vm:1'], ['n1']),
        aRule('d', ['vm:3'], ['n1']),
      ],
      'a',
      /\(vm:1, vm:3\): leave them in one; see rule c, rule d$/,
    ],
    [
      'F7',
      [apart('a', ['vm:1', 'vm:2']), aStrictRule('b', ['vm:1', 'vm:2'], ['n1'])],
      'b',
      /\(2 services, 1 node\): allow them more nodes, or keep fewer apart; see rule a$/,
    ],
  ])('say what exactly is wrong, and what would be right: %s', (_name, rules, id, sentence) => {
    const said = findInfeasible(rules, nodes.slice(0, 3)).get(id)!.map(reasonText)
    expect(said[0]).toMatch(sentence)
  })

  it('are named by every check, not by the first only', () => {
    const rules = [apart('a', ['vm:1', 'vm:2', 'vm:3', 'vm:4']), together('b', ['vm:1', 'vm:2'])]
    expect(codes(rules)).toEqual({ a: ['more_resources_than_nodes', opposite], b: [opposite] })
  })
})

describe('rules that can be kept', () => {
  it.each<[string, Rule[]]>([
    ['one node affinity rule each', [aRule('a', ['vm:1'], ['n1']), aRule('b', ['vm:2'], ['n1'])]],
    ['as many services apart as nodes', [apart('a', ['vm:1', 'vm:2', 'vm:3'])]],
    [
      'one shared service of a set that is kept together, and apart from another',
      [together('a', ['vm:1', 'vm:2']), apart('b', ['vm:2', 'vm:3'])],
    ],
    [
      'classes without partners',
      [aRule('a', ['vm:1'], { n1: 1, n2: 0 }), together('b', ['vm:2', 'vm:3'])],
    ],
    [
      'equal priorities under a resource affinity rule',
      [aRule('a', ['vm:1'], { n1: 7, n2: 7 }), together('b', ['vm:1', 'vm:2'])],
    ],
    [
      'room enough for those that are kept apart',
      [apart('a', ['vm:1', 'vm:2', 'vm:3']), aStrictRule('b', ['vm:1', 'vm:2'], ['n1', 'n2'])],
    ],
  ])('%s', (_name, rules) => {
    expect(codes(rules)).toEqual({})
  })

  it('are all there are while they are disabled, and while nobody has joined the cluster', () => {
    const rules = [apart('a', ['vm:1', 'vm:2']), aStrictRule('b', ['vm:1', 'vm:2'], ['n1'])]
    expect(Object.keys(codes(rules))).toEqual(['a', 'b'])
    expect(codes(rules.map((rule) => ({ ...rule, disabled: true })))).toEqual({})
    expect(codes(rules, 0)).toEqual({})
  })
})

describe('feasibility', () => {
  it('does not depend on the order of rules, of their services or of nodes', () => {
    fc.assert(
      fc.property(drawRules(8), (rules) => {
        const mirrored = rules
          .map((rule) => ({ ...rule, resources: [...rule.resources].reverse() }))
          .reverse()
        const said = (some: Rule[], roster: string[]) =>
          Object.fromEntries(findInfeasible(some, roster))
        expect(said(mirrored, [...nodes].reverse())).toEqual(said(rules, nodes))
      }),
    )
  })

  // Where a dropped node rule had lent a negative rule the nodes it needs, that one is left with too few (as the reference
  // does: all checks see the complete set). No write leads there: the door refuses whatever makes any rule infeasible.
  it('drops enough: what is left lacks at most the nodes of a rule that was dropped', () => {
    fc.assert(
      fc.property(drawRules(8), (rules) => {
        const infeasible = findInfeasible(rules, nodes)
        const left = rules.filter((rule) => !infeasible.has(rule.id))
        const codes = [...findInfeasible(left, nodes).values()].flat().map(({ code }) => code)
        const lent = ['too_few_nodes_for_negative_affinity', 'negative_affinity_over_too_few_nodes']
        const isNodeRuleDropped = rules.some(
          ({ id, type }) => type === 'node-affinity' && infeasible.has(id),
        )
        expect(codes.filter((code) => !isNodeRuleDropped || !lent.includes(code))).toEqual([])
      }),
    )
  })

  it('names partners both ways', () => {
    fc.assert(
      fc.property(drawRules(8), (rules) => {
        const infeasible = findInfeasible(rules, nodes)
        for (const [id, reasons] of infeasible)
          for (const { rules: others } of reasons)
            for (const other of others) {
              const back = infeasible.get(other)?.flatMap((reason) => reason.rules) ?? []
              expect(back).toContain(id)
            }
      }),
    )
  })
})
