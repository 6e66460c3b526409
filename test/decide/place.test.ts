// Placement: groups, restricted and nofailback, load, maintenance and the way back.
import { describe, expect, it } from 'vitest'
import { aGroup, aNode, aService, buildView, nowMs, type ServiceChanges } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const lost: ServiceChanges = { grant: false, status: { state: 'recovery', running: false } }

describe('recovery', () => {
  it('takes the least loaded node, then the first by name', () => {
    const services = [
      aService(web, 'n9', lost),
      aService('process:a', 'n1'),
      aService('process:b', 'n2'),
    ]
    expect(play(buildView({ services })).after.services[web]!.status!.node).toBe('n3')
    const three = [...services, aService('process:c', 'n3')]
    expect(play(buildView({ services: three })).after.services[web]!.status!.node).toBe('n1')
  })

  it('spreads the services of a lost node over the others', () => {
    const services = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      aService(`process:${name}`, 'n9', lost),
    )
    const { after } = play(buildView({ services }))
    const nodes = Object.values(after.services).map((service) => service.status!.node)
    expect(nodes).toEqual(['n1', 'n2', 'n3', 'n1', 'n2', 'n3'])
  })

  it('prefers the highest class of the group that is available', () => {
    const groups = [aGroup('g', { n1: 1, n2: 5, n3: 5 })]
    const services = [aService(web, 'n9', { ...lost, config: { group: 'g' } })]
    expect(play(buildView({ services, groups })).after.services[web]!.status!.node).toBe('n2')
    const down = [
      aNode('n1'),
      aNode('n2', { maintenanceRequested: true }),
      aNode('n3', { drivers: [] }),
    ]
    expect(
      play(buildView({ nodes: down, services, groups })).after.services[web]!.status!.node,
    ).toBe('n1')
  })

  it('goes outside an unrestricted group only when no member is available', () => {
    const services = [aService(web, 'n9', { ...lost, config: { group: 'g' } })]
    const view = buildView({ services, groups: [aGroup('g', { n7: 1 })] })
    expect(play(view).after.services[web]!.status!.node).toBe('n1')
  })

  it('places a service of a restricted group with no member available in stopped, and starts it again (D1)', () => {
    const services = [aService(web, 'n9', { ...lost, config: { group: 'g' } })]
    const groups = [aGroup('g', { n7: 1 }, { restricted: true })]
    const { after } = play(buildView({ services, groups }))
    expect(after.services[web]!.status).toMatchObject({ state: 'stopped', groupUnavailable: true })
    expect(after.services[web]!.status!.note).toBe('waits for a member of its restricted group g')
    after.nodes.n7 = aNode('n7')
    expect(play(after).after.services[web]!.status).toMatchObject({ state: 'started', node: 'n7' })
  })

  it('waits with the reasons while no node can take it, and for ever (T39)', () => {
    const nodes = [aNode('n1', { maintenanceRequested: true })]
    const { after } = play(buildView({ nodes, services: [aService(web, 'n9', lost)] }))
    expect(after.services[web]!.status).toMatchObject({ state: 'recovery' })
    expect(after.services[web]!.status!.note).toBe('no node can take it: n1: it is maintenance')
  })

  it('disabled meanwhile ends stopped (T38)', () => {
    const services = [aService(web, 'n9', { ...lost, config: { requested: 'disabled' } })]
    expect(play(buildView({ services })).after.services[web]!.status!.state).toBe('stopped')
  })
})

describe('a running service', () => {
  const inGroup = (changes: ServiceChanges = {}) => [
    aService(web, 'n2', { ...changes, config: { group: 'g' } }),
  ]

  it('returns to the preferred node of its group (failback)', () => {
    const { plan } = play(
      buildView({ services: inGroup(), groups: [aGroup('g', { n1: 2, n2: 1 })] }),
    )
    expect(statesOf(plan, web)).toEqual(['relocate'])
    expect(plan.jobs).toMatchObject([
      { job: 'relocate-service', sid: web, startAfterMs: nowMs + 90_000 },
    ])
  })

  it('stays under nofailback', () => {
    const groups = [aGroup('g', { n1: 2, n2: 1 }, { nofailback: true })]
    expect(play(buildView({ services: inGroup(), groups })).plan.changes).toEqual([])
  })

  it('waits before a move that failed is tried again (D7)', () => {
    const services = inGroup({ status: { moveFailures: 2, retryAtMs: nowMs + 5_000 } })
    const { plan, after } = play(buildView({ services, groups: [aGroup('g', { n1: 2, n2: 1 })] }))
    expect(plan.changes).toEqual([])
    expect(plan.nextRoundMs).toBe(nowMs + 5_000)
    expect(after.services[web]!.status!.note).toContain('tries again in 5 s')
  })

  it('on a node that its restricted group forbids moves to a member, or stops', () => {
    const restricted = (nodes: Record<string, number>) => [aGroup('g', nodes, { restricted: true })]
    const moved = play(buildView({ services: inGroup(), groups: restricted({ n3: 1 }) }))
    expect(moved.after.services[web]!.status).toMatchObject({ state: 'relocate', target: 'n3' })
    const stopped = play(buildView({ services: inGroup(), groups: restricted({ n7: 1 }) }))
    expect(stopped.after.services[web]!.status).toMatchObject({
      state: 'request_stop',
      groupUnavailable: true,
    })
  })
})

describe('maintenance', () => {
  it('empties the node, remembers it, and brings its services back', () => {
    const nodes = [aNode('n1', { maintenanceRequested: true }), aNode('n2')]
    const { after } = play(buildView({ nodes, services: [aService(web, 'n1')] }))
    expect(after.nodes.n1!.state).toBe('maintenance')
    expect(after.services[web]!.status).toMatchObject({
      state: 'relocate',
      target: 'n2',
      fallbackNode: 'n1',
    })

    after.nodes.n1!.report!.closed = [{ sid: web, generation: 1 }]
    const moved = play({ ...after, round: 201 }).after
    expect(moved.services[web]!.status).toMatchObject({
      state: 'started',
      node: 'n2',
      fallbackNode: 'n1',
    })

    moved.nodes.n1!.maintenanceRequested = false
    const back = play({ ...moved, round: 202 }).after
    expect(back.services[web]!.status).toMatchObject({ state: 'relocate', target: 'n1' })
  })

  it('of all nodes moves nothing', () => {
    const nodes = ['n1', 'n2'].map((name) => aNode(name, { maintenanceRequested: true }))
    const { plan } = play(buildView({ nodes, services: [aService(web, 'n1')] }))
    expect(ofKind(plan, 'service.state')).toEqual([])
  })

  it('leaves stopped services where they are', () => {
    const nodes = [aNode('n1', { maintenanceRequested: true }), aNode('n2')]
    const off = aService(web, 'n1', {
      config: { requested: 'stopped' },
      status: { state: 'stopped', running: false },
      grant: false,
    })
    expect(ofKind(play(buildView({ nodes, services: [off] })).plan, 'service.changed')).toEqual([])
  })
})
