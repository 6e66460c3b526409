// D14 at the door: no write makes any rule infeasible, none strands a service, and every refusal names the rules.
import { describe, expect, it } from 'vitest'
import { refuseGroupUpdate } from '../../control-plane/intake/group-wish.ts'
import { refuseNodeRemoval } from '../../control-plane/intake/node-wish.ts'
import { refuseOperation } from '../../control-plane/intake/operation-wish.ts'
import { isRefusal, type Refusal } from '../../control-plane/intake/refusal.ts'
import {
  addMember,
  createRule,
  deleteRule,
  enableRule,
  removeMember,
  updateRule,
  withoutService,
} from '../../control-plane/intake/rule-wish.ts'
import {
  refuseServiceCreate,
  refuseServiceUpdate,
} from '../../control-plane/intake/service-wish.ts'
import { ServiceCreate } from '../../shared/operator-api.ts'
import type { Rule } from '../../shared/rule.ts'
import { apart, aRule, aStrictRule, together } from '../decide/build-rules.ts'
import { aGroup, aNode, aService, buildView, type ViewChanges } from '../decide/build-view.ts'

const [a, b, c, d] = ['process:a', 'process:b', 'process:c', 'process:d'] as const

const services = [a, b, c, d].map((sid) => aService(sid, 'n1', { grant: false }))

const view = (rules: Rule[], changes: ViewChanges = {}) =>
  buildView({ services, rules, ...changes })

const ids = (answer: Rule[] | Refusal) => {
  expect(isRefusal(answer) ? answer.sentence : '').toBe('')
  return (answer as Rule[]).map(({ id }) => id)
}

const refused = (answer: Rule[] | Refusal | null) => {
  expect(answer).toMatchObject({ refused: true })
  const { code, errors = [] } = answer as Refusal
  return [code, ...errors.map(({ field }) => field)]
}

describe('a rule', () => {
  it('lives from add to delete', () => {
    const kept = aRule('kept', [d], ['n1'])
    const added = createRule(view([kept]), apart('new', [a, b]))
    expect(ids(added)).toEqual(['kept', 'new'])
    const rules = added as Rule[]
    const updated = updateRule(view(rules), { ...kept, comment: 'x' })
    expect(updated).toEqual([{ ...kept, comment: 'x' }, apart('new', [a, b])])
    expect(enableRule(view(rules), 'new', false)).toEqual([
      kept,
      { ...apart('new', [a, b]), disabled: true },
    ])
    expect(addMember(view(rules), 'new', c)).toEqual([kept, apart('new', [a, b, c])])
    expect(removeMember(view([apart('new', [a, b, c])]), 'new', a)).toEqual([apart('new', [b, c])])
    expect(ids(deleteRule(view(rules), 'new'))).toEqual(['kept'])
  })

  it('that would break another is refused, naming all of them', () => {
    const rules = [together('t1', [a, b]), together('t2', [b, c])]
    expect(refused(createRule(view(rules), apart('new', [a, c])))).toEqual([
      'infeasible-rules',
      'rules.new',
      'rules.t1',
      'rules.t2',
    ])
    const answer = createRule(view(rules), apart('new', [a, c])) as Refusal
    expect(answer.sentence).toMatch(/: rule new, rule t1, rule t2$/)
    const told = answer.errors?.find(({ field }) => field === 'rules.new')?.message
    expect(told).toMatch(/together and apart.*see rule t1, rule t2/)
  })

  it.each<[string, (rules: Rule[]) => Rule[] | Refusal, string]>([
    ['update', (rules) => updateRule(view(rules), apart('two', [a, b])), 'rules.two'],
    ['enable', (rules) => enableRule(view(rules), 'off', true), 'rules.off'],
    ['member add', (rules) => addMember(view(rules), 'two', b), 'rules.two'],
  ])('is refused what would make it infeasible: %s', (_name, wish, field) => {
    const off = { ...apart('off', [a, b]), disabled: true }
    const answer = wish([together('one', [a, b]), apart('two', [a, c]), off])
    expect(refused(answer)).toEqual(['infeasible-rules', ...['rules.one', field].sort()])
  })

  it('that was infeasible before may be mended step by step, and is no other write’s fault', () => {
    const rules = [apart('broken', [a, b, c, d]), aRule('fine', [a], ['n1'])]
    const two = { nodes: [aNode('n1'), aNode('n2')] }
    expect(ids(removeMember(view(rules, two), 'broken', d))).toEqual(['broken', 'fine'])
    expect(ids(createRule(view(rules, two), aRule('new', [b], ['n2'])))).toContain('new')
  })

  it('names what there is', () => {
    expect(refused(createRule(view([]), apart('r', [a, 'process:x'])))).toEqual([
      'unknown-service',
      'resources',
    ])
    expect(refused(createRule(view([]), aRule('r', [a], ['n9'])))).toEqual([
      'unknown-node',
      'nodes',
    ])
    expect(refused(createRule(view([apart('r', [a, b])]), apart('r', [c, d])))).toEqual([
      'already-exists',
    ])
    expect(refused(createRule(view([]), apart('ha-group-x', [a, b])))).toEqual(['invalid', 'id'])
    expect(refused(updateRule(view([apart('r', [a, b])]), aRule('r', [a], ['n1'])))).toEqual([
      'invalid',
      'type',
    ])
    expect(refused(updateRule(view([]), apart('r', [a, b])))).toEqual(['unknown-rule'])
    expect(refused(deleteRule(view([]), 'r'))).toEqual(['unknown-rule'])
    expect(refused(removeMember(view([apart('r', [a, b])]), 'r', c))).toEqual(['unknown-member'])
    expect(refused(removeMember(view([aRule('r', [a], ['n1'])]), 'r', a))).toEqual(['last-member'])
  })

  it('that is strict must leave a node that can run its services', () => {
    const nodes = [aNode('n1'), aNode('bare', { drivers: [] })]
    const answer = createRule(view([], { nodes }), aStrictRule('r', [a], ['bare']))
    expect(refused(answer)).toEqual(['no-possible-node'])
    expect((answer as Refusal).sentence).toContain('rule r leaves it only bare')
    expect(ids(createRule(view([], { nodes }), aRule('r', [a], ['bare'])))).toEqual(['r'])
  })

  it('may be written before anybody joined the cluster', () => {
    const none = { nodes: [] }
    expect(ids(createRule(view([], none), apart('r', [a, b])))).toEqual(['r'])
  })
})

describe('a service that goes', () => {
  it('leaves its rules; an empty one goes with it, one without a point is disabled', () => {
    const rules = [
      aRule('alone', [a], ['n1']),
      apart('pair', [a, b]),
      together('three', [a, b, c]),
      apart('other', [c, d]),
    ]
    expect(withoutService(rules, a)).toEqual({
      rules: [
        { ...apart('pair', [b]), disabled: true },
        together('three', [b, c]),
        apart('other', [c, d]),
      ],
      changed: ['three'],
      disabled: ['pair'],
      deleted: ['alone'],
    })
  })
})

describe('other writes', () => {
  const strict = aStrictRule('strict', [a, b], ['n2', 'n3'])
  const rules = [strict, apart('apart', [a, b])]

  it('that take a node away are refused when a rule needs it', () => {
    expect(refused(refuseNodeRemoval(view(rules), 'n3'))).toEqual([
      'infeasible-rules',
      'rules.apart',
      'rules.strict',
    ])
    expect(refuseNodeRemoval(view(rules), 'n1')).toBeNull()
    expect(refused(refuseNodeRemoval(view([aStrictRule('only', [a], ['n1'])]), 'n1'))).toEqual([
      'no-possible-node',
    ])
    expect(refused(refuseNodeRemoval(view([apart('all', [a, b, c])]), 'n1'))).toEqual([
      'infeasible-rules',
      'rules.all',
    ])
  })

  it('that put a service into a group are refused when a rule names it too', () => {
    const groups = [aGroup('gr', { n1: 1 })]
    const answer = refuseServiceUpdate(view(rules, { groups }), a, { group: 'gr' })
    expect(refused(answer)).toEqual(['infeasible-rules', 'rules.ha-group-gr', 'rules.strict'])
    const wish = ServiceCreate.parse({ sid: a, spec: { command: ['true'] }, group: 'gr' })
    const without = { groups, services: services.filter(({ sid }) => sid !== a) }
    expect(refused(refuseServiceCreate(view(rules, without), wish))).toEqual([
      'infeasible-rules',
      'rules.ha-group-gr',
      'rules.strict',
    ])
    expect(refuseServiceUpdate(view(rules, { groups }), c, { group: 'gr' })).toBeNull()
  })

  it('that change a group are refused when a rule cannot bear it', () => {
    const inGroup = [a, b].map((sid) =>
      aService(sid, 'n1', { grant: false, config: { group: 'g' } }),
    )
    const one = view([apart('apart', [a, b])], {
      groups: [aGroup('g', { n1: 1, n2: 1 })],
      services: inGroup,
    })
    expect(refused(refuseGroupUpdate(one, aGroup('g', { n1: 1, n2: 2 })))).toEqual([
      'infeasible-rules',
      'rules.apart',
      'rules.ha-group-g',
    ])
    expect(refused(refuseGroupUpdate(one, aGroup('g', { n1: 1 })))).toEqual([
      'infeasible-rules',
      'rules.apart',
      'rules.ha-group-g',
    ])
    expect(refuseGroupUpdate(one, aGroup('g', { n1: 1, n3: 1 }))).toBeNull()
  })
})

describe('a move (D6)', () => {
  const move = (rules: Rule[], node: string, later = false, moved = services) =>
    refuseOperation(view(rules, { services: moved }), { kind: 'migrate', sid: a, node, later })
  const at = (sid: string, node: string, target: string | null = null) =>
    aService(sid, node, {
      grant: false,
      status: { state: target ? 'relocate' : 'started', target },
    })

  it('to a node that a strict rule forbids is refused at the door, naming the rule', () => {
    expect(move([aStrictRule('r', [a], ['n1', 'n2'])], 'n3')).toMatchObject({
      code: 'forbidden-by-rule',
      sentence: 'rule r restricts process:a to n1, n2: n3 is not among them',
    })
    expect(move([aRule('r', [a], ['n1', 'n2'])], 'n3')).toBeNull()
    expect(refused(move([aStrictRule('r', [a], ['n1'])], 'n3', true))).toEqual([
      'forbidden-by-rule',
    ])
  })

  it('to a partner to stay apart from is refused: one that is there or on its way, not one that leaves', () => {
    const rules = [apart('r', [a, b])]
    const there = [at(a, 'n1'), at(b, 'n2')]
    const onItsWay = [at(a, 'n1'), at(b, 'n3', 'n2')]
    const leaving = [at(a, 'n1'), at(b, 'n2', 'n3')]
    expect(move(rules, 'n2', false, there)).toMatchObject({
      code: 'forbidden-by-rule',
      sentence: 'rule r keeps process:a and process:b apart, and process:b is on n2',
    })
    expect((move(rules, 'n2', false, onItsWay) as Refusal).sentence).toContain(
      'is on its way to n2',
    )
    expect(move(rules, 'n2', false, leaving)).toBeNull()
    expect(move(rules, 'n2', true, there), 'by then it may be elsewhere').toBeNull()
  })

  it('to a partner of a partner is refused, naming every rule that it follows from', () => {
    const rules = [together('t', [a, c]), apart('r', [c, b])]
    expect(
      (move(rules, 'n2', false, [at(a, 'n1'), at(c, 'n1'), at(b, 'n2')]) as Refusal).sentence,
    ).toBe('rule r and rule t keep process:a and process:b apart, and process:b is on n2')
  })
})
