// Rules in a life of faults: no service is sent to a node that a rule forbids, plans settle, and the order of rules
// decides nothing. On random clusters with random rules, kept or not.
import { ServiceTable } from '../../control-plane/cluster/service-table.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChange } from '../../control-plane/cluster/apply.ts'
import { compileRules } from '../../control-plane/cluster/rules/compile.ts'
import { whyForbidden } from '../../control-plane/cluster/rules/forbidden.ts'
import { headingTo } from '../../control-plane/cluster/occupancy.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { explainPlacement } from '../../control-plane/crm/decide/placement-explained.ts'
import type { Rule } from '../../shared/rule.ts'
import { drawRules } from '../rules/draw-rules.ts'
import { apart, aStrictRule, together } from './build-rules.ts'
import { event, happen, names, sids } from './events.ts'
import { play } from './play.ts'
import { World } from './world.ts'

type Life = { rules: Rule[]; events: Parameters<typeof happen>[1][] }

const lives: fc.Arbitrary<Life> = fc.record({
  rules: drawRules(5, sids, names),
  events: fc.array(event, { minLength: 3, maxLength: 10 }),
})

/** Lives one life, and looks at every view in which something was decided. */
function live({ rules, events }: Life, look: (view: ClusterView) => void): void {
  const world = new World(names)
  world.view = { ...world.view, rules }
  world.onRound = (view) => {
    if (decide(view).changes.length > 0) look(view)
  }
  for (const sid of sids) world.configure(sid, { requested: 'started' })
  world.run(3_000)
  for (const one of events) happen(world, one)
}

describe('under any rules', () => {
  it('nothing is sent where a rule forbids it', () => {
    fc.assert(
      fc.property(lives, (life) =>
        live(life, (view) => {
          let now = view
          for (const change of decide(view).changes) {
            const before = now
            now = applyChange(now, change)
            if (change.kind !== 'service.state') continue
            const { sid } = change
            const from = headingTo(before.services[sid]!.status!)
            const to = headingTo(now.services[sid]!.status!)
            if (to === null || to === from || to === before.services[sid]!.status!.node) continue
            expect(
              whyForbidden(compileRules(now), new ServiceTable(now.services), sid, to),
            ).toBeNull()
          }
        }),
      ),
      { numRuns: 40 },
    )
  })

  it('nothing starts on a forbidden node, nor where one that it stays apart from may still run', () => {
    fc.assert(
      fc.property(lives, (life) =>
        live(life, (view) => {
          let now = view
          const { nodeAffinity, apart: pairs } = compileRules(view)
          for (const change of decide(view).changes) {
            now = applyChange(now, change)
            if (change.kind !== 'grant.opened') continue
            const { sid, node } = change
            expect(nodeAffinity.get(sid)?.priorities.has(node)).not.toBe(false)
            const near = (pairs.get(sid) ?? []).filter(({ sid: other }) =>
              now.services[other]?.grant?.holders.some((holder) => holder.node === node),
            )
            expect({ sid, node, near }).toEqual({ sid, node, near: [] })
          }
        }),
      ),
      { numRuns: 40 },
    )
  })

  it('every plan settles and may be cut short', () => {
    fc.assert(
      fc.property(lives, (life) => live(life, (view) => void play(view))),
      { numRuns: 12 },
    )
  })

  it('the order of rules, services and nodes decides nothing', () => {
    const reversed = <T>(record: Record<string, T>) =>
      Object.fromEntries(Object.entries(record).reverse())
    fc.assert(
      fc.property(lives, (life) =>
        live(life, (view) => {
          const { rules, nodes, services } = view
          const mirrored = {
            ...view,
            rules: [...rules].reverse(),
            nodes: reversed(nodes),
            services: reversed(services),
          }
          expect(decide(mirrored)).toEqual(decide(view))
        }),
      ),
      { numRuns: 12 },
    )
  })
})

describe('when nothing else happens', () => {
  const places = fc.array(fc.constantFrom(...names), { minLength: 4, maxLength: 4 })

  /** What of the rules does not hold for `sid`, by where things really run. */
  function broken(world: World, sid: string): string[] {
    const { nodeAffinity, together, apart } = compileRules(world.view)
    const nodeOf = (one: string) => world.machines.find(({ processes }) => processes.has(one))?.name
    const node = nodeOf(sid)
    if (node === undefined) return ['it does not run']
    const faults: string[] = []
    if (nodeAffinity.get(sid)?.priorities.has(node) === false) faults.push(`forbidden on ${node}`)
    for (const other of together.get(sid)?.sids ?? [])
      if (nodeOf(other) !== node) faults.push(`not with ${other}`)
    for (const { sid: other } of apart.get(sid) ?? [])
      if (nodeOf(other) === node) faults.push(`with ${other}`)
    return faults
  }

  it('everything runs as the rules want it, but for what would take two services to change places', () => {
    fc.assert(
      fc.property(drawRules(4, sids, names), places, (rules, at) => {
        const world = new World(names)
        for (const [index, sid] of sids.entries())
          world.configure(sid, { requested: 'started', node: at[index]! })
        world.run(10_000)
        world.view = { ...world.view, rules }
        world.run(20_000)
        for (const sid of sids) {
          const faults = broken(world, sid)
          if (faults.length === 0) continue
          // It is known to be wrong, there is nowhere to go for it, and it says so.
          const told = explainPlacement(world.view, sid, 'stay')
          const { note } = world.view.services[sid]!.status!
          expect({ sid, faults, chosen: told.chosen, note }).toEqual({
            sid,
            faults,
            chosen: null,
            note: told.why,
          })
        }
      }),
      { numRuns: 40 },
    )
  })

  it('a repair that one service can make is made', () => {
    const world = new World(names)
    for (const sid of sids) world.configure(sid, { requested: 'started', node: 'n1' })
    world.run(10_000)
    const [a, b, c, d] = sids as [string, string, string, string]
    world.view = {
      ...world.view,
      rules: [apart('r1', [a, c]), together('r2', [a, b]), aStrictRule('r3', [d], ['n2'])],
    }
    world.run(20_000)
    expect(sids.map((sid) => broken(world, sid))).toEqual(sids.map(() => []))
  })
})
