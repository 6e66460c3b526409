// Arming a cluster that was disarmed in mode freeze, and maintenance beside it (D8).
import { describe, expect, it } from 'vitest'
import { aNode, aService, buildView, silentNode } from './build-view.ts'
import { clusterCommand, disarming, frozen, letGo, ordersOf } from './disarm-rig.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const db = 'process:db'

describe('arming after freeze', () => {
  const arm = clusterCommand({ kind: 'arm', mode: null })

  it('is refused where nothing is disarmed (D5)', () => {
    const { plan } = play(buildView({ clusterCommands: [arm] }))
    expect(ofKind(plan, 'command.status')).toMatchObject([
      { to: 'refused', why: 'the cluster is not disarmed' },
    ])
  })

  it('thaws what is frozen as soon as its agent is armed again, not before (T40, D8)', () => {
    const nodes = [aNode('n1', { lease: letGo }), aNode('n2', { lease: letGo })]
    const disarm = disarming('freeze', { state: 'disarmed' })
    const services = [
      aService(web, 'n1', frozen),
      aService(db, 'n2', {
        status: { state: 'freeze', running: false },
        grant: false,
        config: { requested: 'disabled' },
      }),
    ]
    const first = play(buildView({ nodes, services, disarm, clusterCommands: [arm] }))
    expect(first.after.disarm).toBeNull()
    expect(ofKind(first.plan, 'service.state')).toEqual([])
    expect(first.after.services[web]!.status!.note).toContain('in mode disarm')
    expect(first.after.clusterCommands).toMatchObject([{ status: 'running' }])
    for (const name of ['n1', 'n2'])
      Object.assign(first.after.nodes[name]!.lease, { mode: 'active', armed: true })
    const then = play({ ...first.after, round: 300 })
    expect(then.after.services[web]!.status!.state).toBe('started')
    expect(statesOf(then.plan, db)).toEqual(['request_stop', 'stopped'])
    expect(ofKind(then.plan, 'command.status')).toMatchObject([{ to: 'done' }])
  })

  it('a node that was let go and never came back proves nothing by its silence: its service stays (D8, S12)', () => {
    const lost = silentNode('n2', { state: 'unknown', lease: letGo })
    const view = buildView({ nodes: [aNode('n1'), lost], services: [aService(web, 'n2', frozen)] })
    expect(play(view).plan.changes).toEqual([])
    expect(play(view).after.services[web]!.status!.note).toContain('ha-manager fence confirm n2')
  })

  it.each(['active', 'maintenance', 'shutdown'] as const)(
    'a node that was silent before it heard of the disarm (%s) has let go of nothing: its service does not wait for it for ever',
    (mode) => {
      const state = mode === 'maintenance' ? mode : 'unknown'
      const lost = silentNode('n2', { state, lease: { mode } })
      for (const grant of [true, false]) {
        const services = [aService(web, 'n2', { ...frozen, grant })]
        const { after } = play(buildView({ nodes: [aNode('n1'), lost], services }))
        expect(after.services[web]!.status).toMatchObject({ state: 'started', node: 'n1' })
      }
    },
  )

  it('given together with a disarm is carried out in their order', () => {
    const disarm = disarming('freeze', { state: 'disarmed' })
    const commands = [arm, clusterCommand({ uid: 'c2', mode: 'ignore' })]
    const { plan, after } = play(buildView({ disarm, clusterCommands: commands }))
    expect(after.disarm).toMatchObject({ mode: 'ignore' })
    expect(ofKind(plan, 'command.status').map(({ command, to }) => `${command} ${to}`)).toEqual([
      'c1 running',
      'c2 running',
      'c1 failed',
    ])
  })
})

describe('maintenance and disarm', () => {
  it('the wish survives; the node is emptied once the cluster is armed', () => {
    const n1 = aNode('n1', { state: 'maintenance', maintenanceRequested: true, lease: letGo })
    const view = buildView({
      nodes: [n1, aNode('n2')],
      services: [aService(web, 'n1', frozen)],
      disarm: disarming('freeze'),
    })
    expect(ordersOf(view, 'n1').mode).toBe('disarm')
    const armed = { ...view, disarm: null }
    expect(ordersOf(armed, 'n1').mode).toBe('maintenance')
    Object.assign(armed.nodes.n1!.lease, { mode: 'maintenance', armed: true })
    expect(statesOf(play(armed).plan, web)).toEqual(['started', 'relocate'])
  })

  it('commands about it end when nothing is held there any more, or the node is used again', () => {
    const on = clusterCommand({ kind: 'maintenance-on', node: 'n1', mode: null })
    const resting = aNode('n1', { state: 'maintenance', maintenanceRequested: true })
    const view = buildView({
      nodes: [resting, aNode('n2')],
      services: [aService(web, 'n1')],
      clusterCommands: [on],
    })
    const first = play(view)
    expect(first.after.clusterCommands).toMatchObject([{ status: 'running' }])
    first.after.nodes.n1!.report!.closed = [{ sid: web, generation: 1 }]
    const then = play({ ...first.after, round: 300 })
    expect(ofKind(then.plan, 'command.status')).toMatchObject([
      { node: 'n1', to: 'done', why: 'nothing runs on it any more' },
    ])
    const ended = { ...first.after, round: 300 }
    ended.nodes = { ...ended.nodes, n1: { ...ended.nodes.n1!, maintenanceRequested: false } }
    expect(ofKind(play(ended).plan, 'command.status')).toMatchObject([{ to: 'failed' }])
    const offed = clusterCommand({ kind: 'maintenance-off', node: 'n1', mode: null })
    const back = buildView({
      nodes: [aNode('n1', { state: 'maintenance' })],
      clusterCommands: [offed],
    })
    expect(ofKind(play(back).plan, 'command.status').at(-1)).toMatchObject({
      to: 'done',
      why: 'it is used again',
    })
  })
})
