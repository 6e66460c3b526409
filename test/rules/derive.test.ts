// What follows from rules that can be kept: merged sets, implied negatives, joined node affinity; and the lookups.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile, compileRules } from '../../control-plane/cluster/rules/compile.ts'
import { connectedSets } from '../../control-plane/cluster/rules/connected-sets.ts'
import { failsBack } from '../../control-plane/cluster/rules/group-rules.ts'
import type { Rule } from '../../shared/rule.ts'
import { apart, aRule, aStrictRule, together } from '../decide/build-rules.ts'
import { aGroup, aService, buildView } from '../decide/build-view.ts'
import { drawRules, nodes } from './draw-rules.ts'

const kept = (rules: Rule[]) => compile(rules, nodes).kept.map(({ id }) => id)

const partners = (rules: Rule[], sid: string) => {
  const compiled = compile(rules, nodes)
  return {
    together: compiled.together.get(sid)?.sids ?? [],
    apart: (compiled.apart.get(sid) ?? []).map((one) => one.sid),
  }
}

/** Whoever can be reached from `sid` over shared rules, found the slow way. */
function reachable(rules: Rule[], sid: string): string[] {
  const found = new Set([sid])
  for (let before = 0; before !== found.size; ) {
    before = found.size
    for (const { resources } of rules)
      if (resources.some((one) => found.has(one))) for (const one of resources) found.add(one)
  }
  return [...found].sort()
}

describe('connected positive rules', () => {
  it('become one rule, named after all of them', () => {
    const rules = [together('b', ['vm:2', 'vm:3']), together('a', ['vm:1', 'vm:2'])]
    expect(kept(rules)).toEqual(['_merged-a-b'])
    expect(partners(rules, 'vm:3').together).toEqual(['vm:1', 'vm:2', 'vm:3'])
  })

  it('become one also where a later rule joins two chains', () => {
    const rules = [
      together('a', ['vm:1', 'vm:5']),
      together('b', ['vm:2', 'vm:6']),
      together('c', ['vm:5', 'vm:6']),
    ]
    expect(kept(rules)).toEqual(['_merged-a-b-c'])
    expect(partners(rules, 'vm:1').together).toEqual(['vm:1', 'vm:2', 'vm:5', 'vm:6'])
  })

  it('are exactly who reaches whom, in whatever order they come', () => {
    fc.assert(
      fc.property(drawRules(10), (rules) => {
        const sets = connectedSets(rules)
        for (const { rules: members, resources } of sets) {
          expect(resources).toEqual(reachable(rules, resources[0]!))
          for (const rule of members)
            for (const sid of rule.resources) expect(resources).toContain(sid)
        }
        const all = sets.flatMap(({ resources }) => resources)
        expect(new Set(all).size).toBe(all.length)
        expect(sets.flatMap((set) => set.rules)).toHaveLength(rules.length)
        expect(connectedSets([...rules].reverse())).toEqual(sets)
      }),
    )
  })
})

describe('implied negatives', () => {
  it('keep every member of a set from what one of them stays apart from', () => {
    const rules = [together('t', ['vm:1', 'vm:2', 'vm:3']), apart('a', ['vm:2', 'vm:4'])]
    expect(kept(rules)).toEqual([
      '_implicit-negative-t-vm:1-vm:4',
      '_implicit-negative-t-vm:3-vm:4',
      'a',
      't',
    ])
    expect(partners(rules, 'vm:3').apart).toEqual(['vm:4'])
    expect(partners(rules, 'vm:4').apart).toEqual(['vm:1', 'vm:2', 'vm:3'])
  })

  it('name the rules as written that they follow from', () => {
    const rules = [
      together('t1', ['vm:1', 'vm:2']),
      together('t2', ['vm:2', 'vm:3']),
      apart('a', ['vm:1', 'vm:4']),
    ]
    expect(compile(rules, nodes).apart.get('vm:3')).toEqual([
      { sid: 'vm:4', from: ['a', 't1', 't2'] },
    ])
    expect(compile(rules, nodes).apart.get('vm:1')).toEqual([{ sid: 'vm:4', from: ['a'] }])
  })
})

describe('node affinity', () => {
  it('is joined by all members of a set of which one has it', () => {
    const compiled = compile(
      [together('t', ['vm:1', 'vm:2']), aStrictRule('n', ['vm:2', 'vm:9'], ['n1'])],
      nodes,
    )
    expect([...compiled.nodeAffinity.keys()]).toEqual(['vm:1', 'vm:2', 'vm:9'])
    expect(compiled.nodeAffinity.get('vm:1')).toBe(compiled.nodeAffinity.get('vm:9'))
  })

  it('of a rule that is not strict names every other node last', () => {
    const { nodeAffinity } = compile([aRule('n', ['vm:1'], { n2: 5 })], nodes)
    expect(Object.fromEntries(nodeAffinity.get('vm:1')!.priorities)).toEqual({
      n1: -1,
      n2: 5,
      n3: -1,
      n4: -1,
    })
  })
})

describe('groups', () => {
  const service = (sid: string, group: string, failback = true) =>
    aService(sid, 'n1', { config: { group, failback } })
  const groups = [
    aGroup('strict', { n1: 1 }, { restricted: true }),
    aGroup('stays', { n2: 1 }, { nofailback: true }),
    aGroup('unused', { n3: 1 }),
  ]
  const view = buildView({
    groups,
    services: [service('process:a', 'strict'), service('process:b', 'stays')],
  })

  it('are rules with the services in them; one that nobody is in is none', () => {
    const { kept: rules, nodeAffinity } = compileRules(view)
    expect(rules.map(({ id }) => id)).toEqual(['ha-group-stays', 'ha-group-strict'])
    expect(nodeAffinity.get('process:a')).toMatchObject({ group: 'strict', strict: true })
    expect(nodeAffinity.get('process:b')).toMatchObject({ group: 'stays', strict: false })
  })

  it('collide with rules like rules', () => {
    const rules = [aRule('own', ['process:a'], ['n2'])]
    expect([...compileRules({ ...view, rules }).infeasible.keys()].sort()).toEqual([
      'ha-group-strict',
      'own',
    ])
  })

  it('and the services themselves say whether these fail back', () => {
    const back = (group: string, failback: boolean) =>
      failsBack(view, service('process:x', group, failback))
    expect([back('strict', true), back('strict', false)]).toEqual([true, false])
    expect([back('stays', true), back('stays', false)]).toEqual([false, false])
  })
})

describe('compiled rules', () => {
  it('do not depend on the order of rules', () => {
    fc.assert(
      fc.property(drawRules(10), (rules) => {
        const lookups = (some: Rule[]) => {
          const { kept: all, nodeAffinity, together: sets, apart: pairs } = compile(some, nodes)
          const sorted = <T>(map: ReadonlyMap<string, T>) =>
            [...map].sort(([a], [b]) => (a < b ? -1 : 1))
          return [all, sorted(nodeAffinity), sorted(sets), sorted(pairs)]
        }
        expect(lookups([...rules].reverse())).toEqual(lookups(rules))
      }),
    )
  })

  it('keep every written pair apart, both ways, and nobody from those he is kept together with', () => {
    fc.assert(
      fc.property(drawRules(10), (rules) => {
        const { kept: all, together: sets, apart: pairs } = compile(rules, nodes)
        const isApart = (a: string, b: string) =>
          pairs.get(a)?.some(({ sid }) => sid === b) === true
        for (const rule of all)
          if (rule.type === 'resource-affinity' && rule.affinity === 'negative')
            for (const a of rule.resources)
              for (const b of rule.resources) if (a !== b) expect(isApart(a, b)).toBe(true)
        for (const [sid, { sids }] of sets)
          for (const other of sids) expect(isApart(sid, other)).toBe(false)
      }),
    )
  })
})
