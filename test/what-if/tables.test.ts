// What-if on built views: two nodes, groups, a service that fits nowhere, several nodes at once, maintenance, a return.
import { describe, expect, it } from 'vitest'
import type { ClusterView, NodeView } from '../../control-plane/cluster/view.ts'
import { foreseeAtOnce } from '../../control-plane/crm/what-if/foresee.ts'
import { predict } from '../../control-plane/crm/what-if/prediction.ts'
import { nothing } from '../../control-plane/crm/what-if/suppose.ts'
import { WhatIf, WhatIfBody } from '../../shared/what-if.ts'
import { aGroup, aNode, aService, buildView, silentNode, timing } from '../decide/build-view.ts'
import { bmc } from '../decide/fence-rig.ts'
import { fenceAfterMs, liveMoveMs } from '../../shared/timing.ts'

const [web, db, job] = ['process:web', 'process:db', 'process:job'] as const

function ask(view: ClusterView, supposed: Partial<WhatIf>): WhatIfBody {
  const before = JSON.stringify(view)
  const body = predict(foreseeAtOnce(view, WhatIf.parse(supposed)), foreseeAtOnce(view, nothing))
  expect(JSON.stringify(view), 'a what-if touches nothing').toBe(before)
  return WhatIfBody.parse(body)
}

const places = ({ moves }: WhatIfBody) => moves.map(({ sid, from, to }) => [sid, from, to])

/** The last renewals of built nodes were a second ago. */
const deadlineMs = fenceAfterMs(timing) - 1_000

describe('a node that dies', () => {
  const nodes = [aNode('n1'), aNode('n2')]
  const services = [aService(web, 'n2'), aService(db, 'n2'), aService(job, 'n1')]

  it('leaves its services to the other one of two, at its fence deadline and not before', () => {
    const answer = ask(buildView({ nodes, services }), { down: ['n2'] })
    expect(answer).toMatchObject({ settled: true, stays: 1, nowhere: [], stops: [] })
    expect(places(answer)).toEqual([
      [db, 'n2', 'n1'],
      [web, 'n2', 'n1'],
    ])
    for (const move of answer.moves)
      expect(move).toMatchObject({ startsInMs: deadlineMs, atMostMs: deadlineMs, anyway: false })
    expect(answer.nodes).toMatchObject([
      { node: 'n1', stateThen: 'online', servicesNow: 1, servicesThen: 3 },
      { node: 'n2', stateNow: 'online', stateThen: 'unknown', servicesNow: 2, servicesThen: 0 },
    ])
    expect(answer.story.map(({ line }) => line).join('\n')).toContain(
      'node n2: evidence watchdog-deadline',
    )
  })

  it('with a fence device leaves them after the fence delay, also where its watchdog proves nothing', () => {
    const fenced = aNode('n2', { virtual: true, fenceDevices: [bmc] })
    const answer = ask(buildView({ nodes: [aNode('n1'), fenced], services }), { down: ['n2'] })
    expect(answer).toMatchObject({ settled: true, nowhere: [] })
    for (const move of answer.moves) expect(move).toMatchObject({ startsInMs: 17_000 })
    expect(answer.story.map(({ line }) => line).join('\n')).toContain('evidence device-off')
  })

  it('strands what its restricted group allows nowhere else, and says why', () => {
    const bound = aService(web, 'n2', { config: { group: 'few' } })
    const groups = [aGroup('few', { n2: 1 }, { restricted: true })]
    const answer = ask(buildView({ nodes, services: [bound, services[1]!], groups }), {
      down: ['n2'],
    })
    expect(places(answer)).toEqual([[db, 'n2', 'n1']])
    expect(answer.nowhere).toMatchObject([
      {
        sid: web,
        from: 'n2',
        why: 'waits for a member of its restricted group few',
        anyway: false,
      },
    ])
  })

  it('strands what no other node has a driver for', () => {
    const answer = ask(buildView({ nodes, services: [aService('vm:1', 'n2')] }), { down: ['n2'] })
    expect(answer.nowhere).toMatchObject([{ sid: 'vm:1', state: 'recovery' }])
    expect(answer.nowhere[0]!.why).toContain('n1: it has no driver for vm')
  })

  it('leaves its services unproved where its watchdog proves nothing, until a person confirms', () => {
    const virtual = [aNode('n1'), aNode('n2', { virtual: true })]
    const view = buildView({ nodes: virtual, services })
    const unproved = ask(view, { down: ['n2'] })
    expect(unproved.settled).toBe(true)
    expect(unproved.moves).toEqual([])
    expect(unproved.nowhere).toMatchObject([{ sid: db }, { sid: web, state: 'fence' }])
    expect(unproved.nowhere[0]!.why).toContain('ha-manager fence confirm n2')
    const confirmed = ask(view, { down: ['n2'], confirmed: true })
    expect(places(confirmed)).toEqual([
      [db, 'n2', 'n1'],
      [web, 'n2', 'n1'],
    ])
  })

  it('whose watchdog was never armed proves nothing either', () => {
    const unarmed = [aNode('n1'), aNode('n2', { lease: { guarded: false, armed: false } })]
    const { nowhere } = ask(buildView({ nodes: unarmed, services }), { down: ['n2'] })
    expect(nowhere.map(({ sid }) => sid)).toEqual([db, web])
  })
})

describe('several nodes at once', () => {
  const nodes = ['n1', 'n2', 'n3'].map((name) => aNode(name))
  const services = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, at) =>
    aService(`process:${name}`, `n${(at % 3) + 1}`),
  )

  it('leave everything to the last one', () => {
    const answer = ask(buildView({ nodes, services }), { down: ['n1', 'n3'] })
    expect(answer.moves.map(({ to }) => to)).toEqual(['n2', 'n2', 'n2', 'n2'])
    expect(answer.stays).toBe(2)
  })

  it('that are all: nobody is fenced, and nothing moves', () => {
    const answer = ask(buildView({ nodes, services }), { down: ['n1', 'n2', 'n3'] })
    expect(answer).toMatchObject({ settled: true, moves: [] })
    expect(answer.nowhere).toHaveLength(6)
    expect(answer.nowhere[0]!.why).toContain('no node renews its lease')
  })

  it('that are too many for the majority policy: not quorate, nothing moves', () => {
    const settings = { quorum: 'majority' } as const
    const answer = ask(buildView({ nodes, services, settings }), { down: ['n1', 'n3'] })
    expect(answer.moves).toEqual([])
    expect(answer.nowhere.map(({ why }) => why)).toContain(
      'not quorate: 1 of 3 nodes report, more than half must',
    )
  })
})

describe('maintenance', () => {
  const nodes = ['n1', 'n2', 'n3'].map((name) => aNode(name))

  it('empties the node at once, and takes at most as long as the stops', () => {
    const services = [aService(web, 'n1', { config: { stopTimeoutMs: 5_000 } }), aService(db, 'n1')]
    const answer = ask(buildView({ nodes, services }), { maintenance: ['n1'] })
    expect(answer.moves).toMatchObject([
      { sid: db, from: 'n1', to: 'n2', startsInMs: 0, atMostMs: timing.stopTimeoutMs },
      { sid: web, from: 'n1', to: 'n3', startsInMs: 0, atMostMs: 5_000 },
    ])
    expect(answer.nodes[0]).toMatchObject({ stateThen: 'maintenance', servicesThen: 0 })
  })

  it('moves live what can, which takes at most as long as a live move may', () => {
    const drivers: NodeView['drivers'] = ['vm']
    const running = (state: 'running') => [{ sid: 'vm:1', generation: 1, state, stable: true }]
    const source = aNode('n1', { drivers })
    source.report!.running = running('running')
    const view = buildView({
      nodes: [source, aNode('n2', { drivers })],
      services: [aService('vm:1', 'n1')],
    })
    const answer = ask(view, { maintenance: ['n1'] })
    expect(answer.moves).toMatchObject([
      { sid: 'vm:1', from: 'n1', to: 'n2', live: true, startsInMs: 0, atMostMs: liveMoveMs },
    ])
    expect(answer.story.at(-1)!.line).toContain('vm:1: changed (n2 runs it)')
  })

  it('comes to rest before anything is lost, and what is lost goes elsewhere', () => {
    const services = [aService(web, 'n1')]
    const view = buildView({ nodes: nodes.slice(0, 2), services })
    const answer = ask(view, { maintenance: ['n1'], down: ['n2'] })
    expect(answer.nowhere).toMatchObject([{ sid: web, state: 'recovery' }])
    expect(answer.nowhere[0]!.why).toContain('n1: it is maintenance')
  })

  it('that ends brings back what ran there before', () => {
    const resting = [aNode('n1', { maintenanceRequested: true, state: 'maintenance' }), nodes[1]!]
    const services = [aService(web, 'n2', { status: { fallbackNode: 'n1' } })]
    const answer = ask(buildView({ nodes: resting, services }), { back: ['n1'] })
    expect(places(answer)).toEqual([[web, 'n2', 'n1']])
  })
})

describe('a node that comes back', () => {
  it('takes what nobody else could', () => {
    const dead = silentNode('n2', {
      state: 'unknown',
      drivers: ['vm'],
      lease: { bootId: null, epoch: 4 },
    })
    const lost = aService('vm:1', 'n2', {
      grant: false,
      status: { state: 'recovery', running: false },
    })
    const view = buildView({ nodes: [aNode('n1'), dead], services: [lost] })
    expect(ask(view, {}).nowhere).toMatchObject([{ sid: 'vm:1', anyway: true }])
    const answer = ask(view, { back: ['n2'] })
    expect(answer.moves).toMatchObject([{ sid: 'vm:1', from: null, to: 'n2', startsInMs: 0 }])
    expect(answer.nodes[1]).toMatchObject({ stateNow: 'unknown', stateThen: 'online' })
  })

  it('in a new boot proves the end of the old one, where it is no virtual machine', () => {
    const dead = silentNode('n2', { state: 'unknown', lease: { guarded: false } }, 20_000)
    const view = buildView({ nodes: [dead], services: [aService(web, 'n2')] })
    const answer = ask(view, { back: ['n2'] })
    expect(places(answer)).toEqual([[web, 'n2', 'n2']])
    expect(answer.story.map(({ line }) => line).join('\n')).toContain('evidence new-boot')
  })
})

describe('services', () => {
  const view = buildView({
    nodes: [aNode('n1'), aNode('n2')],
    services: [aService(web, 'n1'), aService(db, 'n2')],
    groups: [aGroup('few', { n7: 1 }, { restricted: true })],
  })

  it('that are no longer wanted stop', () => {
    const answer = ask(view, { services: [{ sid: web, requested: 'stopped' }] })
    expect(answer.stops).toMatchObject([{ sid: web, from: 'n1' }])
    expect(answer).toMatchObject({ moves: [], nowhere: [], stays: 1 })
  })

  it('that are new are placed where the CRM would place them, or nowhere', () => {
    const answer = ask(view, {
      services: [{ sid: job }, { sid: 'process:bound', group: 'few' }],
    })
    expect(answer.moves).toMatchObject([{ sid: job, from: null, to: 'n1' }])
    expect(answer.nowhere).toMatchObject([{ sid: 'process:bound' }])
  })

  it('that are on the move already are told from what the hypothesis does', () => {
    const moving = aService(web, 'n1', {
      status: { state: 'relocate', target: 'n2', running: false, deadlineMs: 2_000_000 },
    })
    const busy = buildView({ nodes: [aNode('n1'), aNode('n2')], services: [moving] })
    expect(ask(busy, {}).moves).toMatchObject([{ sid: web, to: 'n2', anyway: true }])
  })
})
