// The standing N−1 table: it says of each node what what-if says of its death, and why; and it costs next to nothing.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClusterView, NodeName } from '../../control-plane/cluster/view.ts'
import { foreseeAtOnce } from '../../control-plane/crm/what-if/foresee.ts'
import { nMinusOne } from '../../control-plane/crm/what-if/n-minus-one.ts'
import { predict } from '../../control-plane/crm/what-if/prediction.ts'
import { nothing } from '../../control-plane/crm/what-if/suppose.ts'
import { NMinusOne } from '../../shared/n-minus-one.ts'
import { apart, aRule } from '../decide/build-rules.ts'
import { aGroup, aNode, aService, buildView } from '../decide/build-view.ts'
import { life, settledWorld } from './small-worlds.ts'

const [web, db, job] = ['process:web', 'process:db', 'process:job'] as const

const told = (view: ClusterView) => NMinusOne.parse(nMinusOne(view))

function strandedBy(view: ClusterView, node: NodeName): string[] {
  const foreseen = foreseeAtOnce(view, { ...nothing, down: [node] })
  const { nowhere } = predict(foreseen, foreseeAtOnce(view, nothing))
  return nowhere.filter(({ anyway }) => !anyway).map(({ sid }) => sid)
}

describe('the N−1 table', { timeout: 120_000 }, () => {
  it('names exactly the services that a what-if strands, node by node, in any small world', () => {
    let compared = 0
    fc.assert(
      fc.property(life, (drawn) => {
        const world = settledWorld(drawn)
        // Some are down already: few nodes are left to go to.
        for (const machine of world.machines)
          if (drawn.down.slice(0, 2).includes(machine.name)) world.powerOff(machine)
        world.run(40_000)
        const { view } = world
        // What waits for a place already may take the last one that is left.
        if (predict(foreseeAtOnce(view, nothing), foreseeAtOnce(view, nothing)).nowhere.length > 0)
          return
        compared += 1
        const { unprotected } = told(view)
        for (const name of Object.keys(view.nodes)) {
          const named = unprotected.filter(({ node }) => node === name)
          expect(named.flatMap(({ services }) => services).sort(), name).toEqual(
            strandedBy(view, name),
          )
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 25) },
    )
    expect(compared).toBeGreaterThan(5)
  })

  it('is empty where every service has a second node', () => {
    const services = [aService(web, 'n1'), aService(db, 'n2')]
    expect(told(buildView({ services }))).toEqual({ services: 2, unprotected: [] })
  })

  it('says which nodes are left and what is wrong with each, those of one reason together', () => {
    const nodes = [
      aNode('n1'),
      aNode('n2', { maintenanceRequested: true, state: 'maintenance' }),
      aNode('n3', { drivers: ['vm'] }),
    ]
    const services = [aService(web, 'n1'), aService(db, 'n1')]
    const { unprotected } = told(buildView({ nodes, services }))
    const why = 'no node can take it: n2: it is maintenance, n3: it has no driver for process'
    expect(unprotected).toEqual([{ node: 'n1', why, services: [db, web] }])
  })

  it('tells groups and rules by name', () => {
    const services = [
      aService(web, 'n1', { config: { group: 'few' } }),
      aService(db, 'n1'),
      aService(job, 'n2'),
    ]
    const groups = [aGroup('few', { n1: 1 }, { restricted: true })]
    const rules = [apart('away', [db, job]), aRule('both', [db], ['n1', 'n2'], { strict: true })]
    const { unprotected } = told(buildView({ services, groups, rules }))
    expect(unprotected).toEqual([
      { node: 'n1', why: `no node can take it: n2: rule away: apart from ${job}`, services: [db] },
      { node: 'n1', why: 'no node can take it: n2 n3: not in group few', services: [web] },
    ])
  })

  it('looks at the best class that is left and at no other, as placement does', () => {
    const services = [aService(db, 'n1'), aService(job, 'n2')]
    const rules = [apart('away', [db, job]), aRule('rather', [db], ['n1', 'n2'])]
    const view = buildView({ services, rules })
    const why = `no node can take it: n2: rule away: apart from ${job}`
    expect(told(view).unprotected).toEqual([{ node: 'n1', why, services: [db] }])
    expect(strandedBy(view, 'n1')).toEqual([db])
  })

  it('counts a death that nothing proves as no second node', () => {
    const nodes = [aNode('n1', { virtual: true }), aNode('n2')]
    const services = [aService(web, 'n1'), aService(db, 'n2')]
    const { unprotected } = told(buildView({ nodes, services }))
    expect(unprotected).toMatchObject([{ node: 'n1', services: [web] }])
    expect(unprotected[0]!.why).toContain(
      'nothing but a person would prove its death: it is a virtual',
    )
  })

  it('knows when the others would not be quorate, and when nothing is recovered at all', () => {
    const services = [aService(web, 'n1')]
    const nodes = [aNode('n1'), aNode('n2')]
    const settings = { quorum: 'majority' } as const
    expect(told(buildView({ nodes, services, settings })).unprotected[0]!.why).toBe(
      'the others would not be quorate',
    )
    const disarm = { mode: 'freeze', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } as const
    expect(told(buildView({ nodes, services, disarm })).unprotected[0]!.why).toContain('disarmed')
    expect(told(buildView({ nodes: [aNode('n1')], services })).unprotected[0]!.why).toBe(
      'there is no other node',
    )
  })

  it('leaves out what runs nowhere already, and what is not to run', () => {
    const services = [
      aService(web, 'n1', { grant: false, status: { state: 'recovery', running: false } }),
      aService(db, 'n1', { config: { requested: 'stopped' } }),
      aService(job, 'n1', { status: { state: 'error', running: false } }),
    ]
    expect(told(buildView({ nodes: [aNode('n1')], services }))).toEqual({
      services: 0,
      unprotected: [],
    })
  })
})
