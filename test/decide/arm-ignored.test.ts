// After a disarm in mode `ignore` any service may be anywhere (D8, S13, Q1): what a node attests is adopted there, what
// none attests is started once the whole roster has answered, and one of two copies is nobody's to choose.
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../control-plane/cluster/apply.ts'
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { ClusterCommandView, HolderView, NodeView } from '../../control-plane/cluster/view.ts'
import { refuseFenceConfirm } from '../../control-plane/intake/node-wish.ts'
import {
  aNode,
  aService,
  buildView,
  type NodeChanges,
  nowMs,
  type ServiceChanges,
  silentNode,
} from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const armedIn = 250

const copy = (generation = 1, state: 'running' | 'unknown' = 'running') => ({
  ...{ sid: web, generation, state, stable: true },
})

/** A node that has a new epoch since the arming, and answers with what it runs. */
function answering(name: string, runs = false, more: NodeChanges = {}): NodeView {
  const node = aNode(name, { ...more, lease: { epoch: 4, revision: armedIn, ...more.lease } })
  node.report!.running = runs ? [copy()] : []
  return node
}

/** Nothing was heard from it since. */
const deaf = (name: string): NodeView => aNode(name, { lease: { epoch: 4, revision: 100 } })

const asked = { probeRound: armedIn, probesRoster: true, running: false }
const ungranted: ServiceChanges = { status: asked, grant: false }

const view = (nodes: NodeView[], changes: ServiceChanges = ungranted) =>
  buildView({ round: 300, nodes, services: [aService(web, 'n1', changes)] })

describe('the command to arm', () => {
  it('asks the whole roster for every service, and touches nothing before the answers', () => {
    const arm: ClusterCommandView = {
      ...{ uid: 'c1', kind: 'arm', node: null, mode: null, status: 'pending', reason: '' },
    }
    const disarm = { mode: 'ignore', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } as const
    const off: ServiceChanges = {
      config: { requested: 'stopped' },
      status: { state: 'stopped', running: false },
      grant: false,
    }
    const { plan, after } = play(
      buildView({
        ...{ disarm, clusterCommands: [arm] },
        services: [aService(web, 'n1'), aService('process:off', 'n2', off)],
      }),
    )
    expect(ofKind(plan, 'service.state')).toEqual([])
    for (const sid of [web, 'process:off'])
      expect(after.services[sid]!.status).toMatchObject({ probeRound: 200, probesRoster: true })
    for (const name of ['n1', 'n2', 'n3'])
      expect(desiredFor(after, name)).toMatchObject({ mode: 'active', probes: [web] })
    // Its holder is not told to run it: it would start a second copy of what was moved away.
    expect(desiredFor(after, 'n1').services).toMatchObject([{ sid: web, state: 'ignored' }])
  })

  it('asks for nothing where the disarm had not taken effect', () => {
    const arm: ClusterCommandView = {
      ...{ uid: 'c1', kind: 'arm', node: null, mode: null, status: 'pending', reason: '' },
    }
    const disarm = { mode: 'ignore', state: 'disarming', sinceMs: 0, effectiveMs: null } as const
    const { plan } = play(
      buildView({ disarm, clusterCommands: [arm], services: [aService(web, 'n1')] }),
    )
    expect(plan.changes.map(({ kind }) => kind)).not.toContain('service.changed')
  })
})

describe('a service that no node holds a grant for', () => {
  it('is adopted where it is attested running, under a new number, and is not started (S13)', () => {
    const { plan, after } = play(view([answering('n1'), answering('n2', true), answering('n3')]))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(ofKind(plan, 'grant.adopted')).toMatchObject([
      { node: 'n2', epoch: 4, generation: 1_000, foundAs: 1 },
    ])
    expect(after.services[web]).toMatchObject({
      status: { state: 'started', node: 'n2', probeRound: null, foundAs: 1 },
      grant: { generation: 1_000, holders: [{ node: 'n2', confirmed: true }] },
    })
    expect(after.nextGeneration).toBe(1_001)
    const order = desiredFor(after, 'n2').services[0]
    expect(order).toMatchObject({ state: 'started', generation: 1_000, foundAs: 1 })
  })

  it('is adopted without a silent node’s word: nothing is started by that', () => {
    const nodes = [answering('n1'), answering('n2', true), silentNode('n3', { state: 'unknown' })]
    expect(play(view(nodes)).after.services[web]!.grant!.holders[0]!.node).toBe('n2')
  })

  it('is not adopted before every node that answers has answered the question', () => {
    const v = view([deaf('n1'), answering('n2', true), answering('n3')])
    expect(play(v).plan.changes).toEqual([])
    const { note } = play(v).after.services[web]!.status!
    expect(note).toContain('waits for n1 to say that nothing of it runs there')
  })

  it('is started once the whole roster has said that it does not run, not a node earlier', () => {
    const silent = silentNode('n3', {
      state: 'unknown',
      lease: { epoch: 4, revision: armedIn - 1 },
    })
    const v = view([answering('n1'), answering('n2'), silent])
    expect(play(v).plan.changes).toEqual([])
    const { note } = play(v).after.services[web]!.status!
    expect(note).toContain('waits for n3')
    expect(note).toContain('ha-manager fence confirm n3')
    v.nodes.n3 = answering('n3')
    const { plan, after } = play(v)
    expect(ofKind(plan, 'grant.opened')).toMatchObject([{ node: 'n1' }])
    expect(after.services[web]!.status).toMatchObject({ probeRound: null, probesRoster: false })
  })

  it('is started on a person’s word for the dead rest of the roster, given after the arming', () => {
    const silent = silentNode('n3', { state: 'unknown', lease: { epoch: 4, guarded: null } })
    const v = view([answering('n1'), answering('n2'), silent])
    expect(refuseFenceConfirm(v, 'n3', { typedName: 'n3', force: false })).toBeNull()
    const vouched = applyChanges(v, [
      { kind: 'lease.revoked', node: 'n3', epoch: 4, mode: 'operator', why: 'dead' },
    ])
    expect(ofKind(play(vouched).plan, 'grant.opened')).toHaveLength(1)
    expect(refuseFenceConfirm(vouched, 'n3', { typedName: 'n3', force: false })).toMatchObject({
      code: 'nothing-to-confirm',
    })
    // A word from before says nothing of what was moved there since.
    vouched.nodes.n3!.lease.vouchedRound = armedIn - 1
    expect(play(vouched).plan.changes).toEqual([])
  })

  it.each(['unknown', 'stopping', 'starting'] as const)(
    'is not taken to be where its grant is for something that is %s there: it may have been moved away (S13)',
    (state) => {
      const n1 = answering('n1')
      n1.report!.running = [{ ...copy(), state }]
      const silent = silentNode('n3', { state: 'unknown', lease: { epoch: 4, revision: 100 } })
      const holders = [{ node: 'n1', epoch: 4, confirmed: true }]
      const held = { status: asked, grant: { generation: copy().generation, holders } }
      const found = (node: NodeView) => play(view([node, answering('n2'), silent], held))
      const { plan, after } = found(n1)
      expect(plan.changes).toEqual([])
      expect(desiredFor(after, 'n1').services[0]?.state).toBe('ignored')
      expect(found(answering('n1', true)).after.services[web]!.status!.probeRound).toBeNull()
    },
  )

  it('is started nowhere while two nodes say that they run it; a person has to choose', () => {
    const v = view([answering('n1', true), answering('n2', true), answering('n3')])
    expect(play(v).plan.changes).toEqual([])
    const { note } = play(v).after.services[web]!.status!
    expect(note).toBe('n1 and n2 say that they run it: stop all copies but one by hand')
    for (const name of ['n1', 'n2'])
      expect(desiredFor(v, name).services[0]?.state).not.toBe('stopped')
    v.nodes.n1!.report!.running = []
    expect(play(v).after.services[web]!.grant!.holders[0]!.node).toBe('n2')
  })

  it('that is not wanted is started and adopted nowhere: what runs of it is stopped as unordered', () => {
    const v = view([answering('n1'), answering('n2', true), answering('n3')], {
      ...ungranted,
      config: { requested: 'stopped' },
    })
    const { after } = play(v)
    expect(after.services[web]).toMatchObject({ status: { state: 'stopped' }, grant: null })
    expect(desiredFor(after, 'n2').probes).toEqual([])
  })

  it('in recovery is adopted or waits just so: its dead node may not have been the only place', () => {
    const lost: ServiceChanges = { ...ungranted, status: { ...asked, state: 'recovery' } }
    const nodes = [answering('n1', true), answering('n2'), silentNode('n3', { state: 'unknown' })]
    expect(statesOf(play(view(nodes, lost)).plan, web)).toEqual(['started'])
    nodes[0]!.report!.running = []
    expect(play(view(nodes, lost)).plan.changes).toEqual([])
  })
})

describe('a service whose old holder has its new epoch', () => {
  const held: ServiceChanges = {
    status: asked,
    grant: { generation: 1, holders: [{ node: 'n1', epoch: 4, confirmed: true }] },
  }

  it('runs on where it is attested, under its own number', () => {
    const { plan, after } = play(
      view([answering('n1', true), answering('n2'), answering('n3')], held),
    )
    expect(plan.changes.map(({ kind }) => kind)).toEqual(['service.changed'])
    expect(after.services[web]).toMatchObject({
      status: { probeRound: null },
      grant: { generation: 1 },
    })
    expect(desiredFor(after, 'n1').services).toMatchObject([{ state: 'started', generation: 1 }])
  })

  it('is ended there for good where its node says that nothing of it runs, and is not started there before', () => {
    const v = view([answering('n1'), answering('n2', true), answering('n3')], held)
    expect(play(v).plan.changes).toEqual([])
    expect(desiredFor(v, 'n1').services).toMatchObject([{ state: 'request_stop', generation: 1 }])
    v.nodes.n1!.report!.closed = [{ sid: web, generation: 1 }]
    expect(play(v).after.services[web]!.grant!.holders[0]!.node).toBe('n2')
  })

  it('has a half that waits for a move whose source is gone ended there, and not while that may send it: what came alive is left', () => {
    const node = answering('n1')
    node.report!.running = [{ ...copy(), state: 'incoming' }]
    const told = (holders: HolderView[]) => {
      const v = view([node, answering('n2'), answering('n3')], held)
      v.services[web] = { ...v.services[web]!, grant: { generation: 1, holders } }
      return desiredFor(v, 'n1').services[0]?.state
    }
    const half = { node: 'n1', epoch: 4, confirmed: true }
    expect(told([half])).toBe('freeze')
    node.report!.running = []
    expect(told([half])).toBe('request_stop')
    node.report!.running = [{ ...copy(), state: 'incoming' }]
    expect(told([half, { ...half, node: 'n2', generation: 2 }])).toBe('ignored')
  })

  it('is left alone on both nodes where a second copy runs', () => {
    const v = view([answering('n1', true), answering('n2', true), answering('n3')], held)
    expect(play(v).plan.changes).toEqual([])
    expect(play(v).after.services[web]!.status!.note).toContain('n1 and n2 say that they run it')
    expect(desiredFor(v, 'n1').services).toMatchObject([{ state: 'ignored' }])
    expect(desiredFor(v, 'n2').services).toEqual([])
  })

  it('is moved, restarted and relocated only when it is known where it runs', () => {
    const emptied = answering('n1', true, { state: 'maintenance', maintenanceRequested: true })
    const v = view([emptied, answering('n2'), deaf('n3')], held)
    expect(play(v).plan.changes).toEqual([])
    v.nodes.n3 = answering('n3')
    expect(statesOf(play(v).plan, web)).toEqual(['relocate'])
  })
})

describe('a service whose old holder was let go and never came back', () => {
  it('is not recovered by its silence, whoever else says that it runs it (Q1)', () => {
    const released = { epoch: 3, guarded: false, armed: false, mode: 'disarm' as const }
    const held: ServiceChanges = {
      status: asked,
      grant: { generation: 1, holders: [{ node: 'n1', epoch: 3, confirmed: true }] },
    }
    const lost = silentNode('n1', { state: 'unknown', lease: released })
    const v = view([lost, answering('n2', true), answering('n3')], held)
    const { plan, after } = play(v)
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.grant!.holders).toHaveLength(1)
    expect(after.services[web]!.status!.note).toContain('its watchdog was not armed')
    expect(after.nowMs).toBe(nowMs)
  })
})
