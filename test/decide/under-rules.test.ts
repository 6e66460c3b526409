// Who stands in whose way, carried from round to round, is as good as looked up anew; and a decision that passes over all
// others under rules is the one of a decision that asks each of them. Tried on clusters under random faults.
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { takeCensus } from '../../control-plane/cluster/census.ts'
import { type KnownRules, rulesAfter } from '../../control-plane/cluster/rules/known-rules.ts'
import {
  takeUnderRules,
  type UnderRules,
  underRulesAfter,
} from '../../control-plane/cluster/rules/under-rules.ts'
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'
import type { Known } from '../../control-plane/crm/decide/draft.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import type { Rule } from '../../shared/rule.ts'
import { aService, buildView } from './build-view.ts'
import { event, happen, names, sids } from './events.ts'
import { aView } from './random-view.ts'
import { World } from './world.ts'

const aRule = fc
  .record({
    type: fc.constantFrom('positive' as const, 'negative' as const, 'nodes' as const),
    members: fc.subarray(sids, { minLength: 2, maxLength: 3 }),
    nodes: fc.subarray(names, { minLength: 1, maxLength: 2 }),
    strict: fc.boolean(),
  })
  .map(({ type, members, nodes, strict }): Rule => {
    const id = `${type}-${members.join()}`
    const common = { id, resources: members, disabled: false, comment: '' }
    if (type !== 'nodes') return { ...common, type: 'resource-affinity', affinity: type }
    const named = Object.fromEntries(nodes.map((node, index) => [node, index + 1]))
    return { ...common, type: 'node-affinity', nodes: named, strict }
  })

const someRules = fc.uniqueArray(aRule, { minLength: 1, maxLength: 3, selector: ({ id }) => id })

function touched(before: ClusterView, after: ClusterView): string[] {
  const all = new Set([...Object.keys(before.services), ...Object.keys(after.services)])
  return [...all].filter((sid) => !isDeepStrictEqual(before.services[sid], after.services[sid]))
}

/** What it says, whatever it remembers of how it came to it. */
function said({ types, placed, belowTop, headings, scattered, crowded }: UnderRules) {
  const bare = (map: ReadonlyMap<unknown, ReadonlyMap<unknown, unknown>>) =>
    new Map([...map].filter(([, inner]) => inner.size > 0))
  const about = { types, placed: bare(placed), belowTop }
  return { ...about, headings: bare(headings), scattered, crowded }
}

/** Everybody under rules may be in somebody's way. */
function doubtful(under: UnderRules): UnderRules {
  const { nodeAffinity, together, apart } = under.rules
  const all = [nodeAffinity, together, apart].flatMap((ruled) => [...ruled.keys()])
  return { ...under, crowded: new Map(all.map((sid) => [sid, 1])) }
}

/** The plan. Some of these views cannot come to be, and a decision says so: then what it says. */
function outcome(view: ClusterView, known: Known): unknown {
  try {
    return decide(view, known)
  } catch (error) {
    return (error as Error).message
  }
}

const aPlace = fc.record({
  sid: fc.nat(sids.length - 1),
  node: fc.constantFrom(...names),
  target: fc.option(fc.constantFrom(...names), { nil: null }),
  state: fc.constantFrom('started', 'started', 'relocate', 'stopped', 'gone'),
})

describe('who is under rules', () => {
  it('is as good carried from round to round as taken anew', () => {
    fc.assert(
      fc.property(someRules, fc.array(aPlace, { minLength: 5, maxLength: 40 }), (rules, places) => {
        let view = buildView({ services: [], rules })
        const { compiled } = rulesAfter(null, view)
        let under = takeUnderRules(view.services, compiled)
        const before = under
        for (const { sid: index, node, target, state } of places) {
          const sid = sids[index]!
          const { [sid]: _, ...others } = view.services
          view = {
            ...view,
            services:
              state === 'gone' ? others : { ...others, [sid]: at(sid, node, state, target) },
          }
          under = underRulesAfter(under, view, compiled, [sid])
          expect(said(under)).toEqual(said(takeUnderRules(view.services, compiled)))
        }
        expect(said(before).crowded.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('is all that a decision needs to know of those that nothing has happened to', () => {
    let [carriedOn, changes] = [0, 0]
    fc.assert(
      fc.property(someRules, fc.array(event, { minLength: 3, maxLength: 8 }), (given, events) => {
        const world = new World(names)
        let last: { view: ClusterView; rules: KnownRules; under: UnderRules } | null = null
        world.onRound = (read) => {
          const rules = rulesAfter(last?.rules ?? null, read)
          const view = { ...read, rules: rules.rules, groups: rules.groups }
          const since = last ? touched(last.view, view) : []
          const under = underRulesAfter(last?.under ?? null, view, rules.compiled, since)
          carriedOn += last?.rules === rules ? 1 : 0
          expect(said(under)).toEqual(said(takeUnderRules(view.services, rules.compiled)))
          const known = { rules, census: takeCensus(view) }
          const plan = decide(view, { ...known, underRules: under })
          expect(plan).toEqual(decide(view, { ...known, underRules: doubtful(under) }))
          expect(plan).toEqual(decide(view))
          changes += plan.changes.length
          last = { view, rules, under }
        }
        world.view = { ...world.view, rules: given }
        for (const sid of sids) world.configure(sid, { requested: 'started' })
        world.run(3_000)
        for (const one of events) happen(world, one)
      }),
      { numRuns: 25 },
    )
    expect(carriedOn).toBeGreaterThan(100)
    expect(changes).toBeGreaterThan(100)
  })

  it('is all there is to know whatever is wrong with the others', () => {
    fc.assert(
      fc.property(aView, (view) => {
        const rules = rulesAfter(null, view)
        const under = takeUnderRules(view.services, rules.compiled)
        const plan = outcome(view, { rules, underRules: under })
        expect(plan).toEqual(outcome(view, { rules, underRules: doubtful(under) }))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is not believed about other services than its own', () => {
    const apart: Rule = {
      ...{ id: 'apart', type: 'resource-affinity', affinity: 'negative', disabled: false },
      ...{ resources: ['process:a', 'process:b'], comment: '' },
    }
    const healthy = buildView({
      services: [aService('process:a', 'n1'), aService('process:b', 'n2')],
      rules: [apart],
    })
    const rules = rulesAfter(null, healthy)
    const underRules = takeUnderRules(healthy.services, rules.compiled)
    const services = { ...healthy.services, 'process:b': aService('process:b', 'n1') }
    const crowded = { ...healthy, services }
    expect(decide(healthy, { rules, underRules }).changes).toEqual([])
    expect(decide(crowded, { rules, underRules })).toEqual(decide(crowded))
    expect(decide(crowded).changes).not.toEqual([])
  })
})

function at(sid: string, node: string, state: string, target: string | null): ServiceView {
  const isMoving = state === 'relocate'
  return aService(sid, node, {
    status: { state: state as 'started', target: isMoving ? target : null },
    ...(state === 'stopped' && { grant: null }),
  })
}
