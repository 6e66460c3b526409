// A census carried from round to round is as good as one taken anew: it counts the same, and nothing is decided otherwise
// for it. Tried on clusters under random faults.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDeepStrictEqual } from 'node:util'
import { type Census, censusAfter, takeCensus } from '../../control-plane/cluster/census.ts'
import { rulesAfter } from '../../control-plane/cluster/rules/known-rules.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { aGroup, aNode, aService, buildView } from './build-view.ts'
import type { Rule } from '../../shared/rule.ts'
import { counts } from './census-counts.ts'
import { event, happen, names, sids } from './events.ts'
import { World } from './world.ts'

function touched(before: ClusterView, after: ClusterView): string[] {
  const all = new Set([...Object.keys(before.services), ...Object.keys(after.services)])
  return [...all].filter((sid) => !isDeepStrictEqual(before.services[sid], after.services[sid]))
}

const lives = fc.array(event, { minLength: 3, maxLength: 10 })

describe('a census that is carried from round to round', () => {
  it('counts what one taken anew counts, and the same is decided by it', () => {
    let carriedOn = 0
    fc.assert(
      fc.property(lives, (events) => {
        const world = new World(names)
        let last: { view: ClusterView; census: Census } | null = null
        world.onRound = (view) => {
          const census: Census = last
            ? censusAfter(last.census, view, touched(last.view, view))
            : takeCensus(view)
          if (last) carriedOn += 1
          expect(counts(census)).toEqual(counts(takeCensus(view)))
          expect(decide(view, { census })).toEqual(decide(view))
          last = { view, census }
        }
        // Enough of them that one more is not reason to count anew.
        const still = Array.from({ length: 30 }, (_, index) => `process:still-${index}`)
        for (const sid of sids) world.configure(sid, { requested: 'started' })
        for (const sid of still) world.configure(sid, { requested: 'stopped' })
        world.run(3_000)
        for (const one of events) happen(world, one)
      }),
      { numRuns: 15 },
    )
    expect(carriedOn).toBeGreaterThan(100)
  })

  it('leaves the one it was begun with as it is', () => {
    const view = buildView({
      services: Array.from({ length: 9 }, (_, i) => aService(`process:s${i}`, 'n1')),
    })
    const before = takeCensus(view)
    const kept = structuredClone(counts(before))
    const moved = { ...view.services['process:s3']!, status: null }
    const { 'process:s5': _, ...rest } = view.services
    const services = { ...rest, 'process:s3': moved, 'process:s55': aService('process:s55', 'n2') }
    const after = censusAfter(before, { ...view, services }, ['process:s3', 'process:s5'])
    expect(counts(before)).toEqual(kept)
    expect(after.sids).not.toEqual(before.sids)
  })

  it('comes with rules that are not believed about others, other nodes or other members of groups', () => {
    const pinned = (node: string): Rule => ({
      ...{ id: 'pinned', type: 'node-affinity', resources: ['process:a'], disabled: false },
      ...{ nodes: { [node]: 1 }, strict: true, comment: '' },
    })
    const view = buildView({
      services: [aService('process:a', 'n1'), aService('process:b', 'n1')],
      rules: [pinned('n1')],
      groups: [aGroup('g', { n2: 1 })],
    })
    const rules = rulesAfter(null, view)
    const known = { rules, census: takeCensus(view) }
    expect(decide(view, known)).toEqual(decide(view))
    const member = aService('process:b', 'n1', { config: { group: 'g' } })
    const others = [
      { ...view, rules: [pinned('n2')] },
      { ...view, groups: { g: aGroup('g', { n3: 1 }) } },
      { ...view, services: { ...view.services, 'process:b': member } },
      { ...view, nodes: { n1: view.nodes.n1!, n2: view.nodes.n2! } },
    ]
    for (const other of others) {
      expect(rulesAfter(rules, other)).not.toBe(rules)
      expect(decide(other, known)).toEqual(decide(other))
    }
    const again = { ...view, rules: [pinned('n1')], groups: { g: aGroup('g', { n2: 1 }) } }
    expect(rulesAfter(rules, again)).toBe(rules)
  })

  it('is not believed about another view than its own', () => {
    const healthy = buildView({ services: [aService('process:a', 'n1')] })
    const census = takeCensus(healthy)
    const stops = aService('process:a', 'n1', { config: { requested: 'stopped' } })
    const other = { ...healthy, services: { 'process:a': stops } }
    expect(decide(other, { census })).toEqual(decide(other))
    expect(decide(other, { census }).changes).not.toEqual([])
    const failed = aNode('n1')
    failed.report!.results.push({ uid: 'uid-process:a', sid: 'process:a', outcome: 'error' })
    const answered = { ...healthy, nodes: { ...healthy.nodes, n1: failed } }
    expect(decide(answered, { census })).toEqual(decide(answered))
    expect(decide(answered, { census }).changes).not.toEqual([])
  })
})
