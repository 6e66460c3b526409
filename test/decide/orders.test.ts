// What nodes are told: every generation they may use, none that they may not, and what they must end.
import { describe, expect, it } from 'vitest'
import { desiredFor, desiredForAll } from '../../control-plane/cluster/orders.ts'
import { Desired } from '../../shared/protocol.ts'
import { aNode, aService, buildView, timing } from './build-view.ts'

const web = 'process:web'

describe('the desired state of a node', () => {
  it('is a document of the wire, the same for one node as for all', () => {
    const view = buildView({ services: [aService('process:b', 'n1'), aService('process:a', 'n1')] })
    const document = desiredFor(view, 'n1')
    expect(() => Desired.parse({ ...document, revision: 1 })).not.toThrow()
    expect(document.services.map((order) => order.sid)).toEqual(['process:a', 'process:b'])
    expect(desiredForAll(view).n1).toEqual(document)
  })

  it('names the generation the node holds under its current epoch', () => {
    const view = buildView({ services: [aService(web, 'n1', { config: { maxRestart: 3 } })] })
    expect(desiredFor(view, 'n1').services).toEqual([
      {
        sid: web,
        state: 'started',
        uid: `uid-${web}`,
        generation: 1,
        stopTimeoutMs: timing.stopTimeoutMs,
        restart: false,
        maxRestart: 3,
        spec: { command: ['true'], environment: {} },
      },
    ])
    expect(desiredFor(view, 'n2').services).toEqual([])
  })

  it('names no generation of an epoch that is over (M10)', () => {
    const view = buildView({
      nodes: [aNode('n1', { lease: { epoch: 4 } })],
      services: [aService(web, 'n1')],
    })
    expect(desiredFor(view, 'n1').services[0]!.generation).toBeNull()
  })

  it('leaves a removed or ignored service alone, as one that still runs (S18b)', () => {
    const removed = aService(web, 'n1', { config: null, status: null })
    const order = desiredFor(buildView({ services: [removed] }), 'n1').services[0]
    expect(order).toMatchObject({ state: 'ignored', generation: 1, spec: null })
  })

  it('has whoever holds what is now elsewhere stop and close it', () => {
    const grant = { generation: 5, holders: [{ node: 'n1', epoch: 3, confirmed: true }] }
    const view = buildView({ services: [aService(web, 'n2', { grant })] })
    expect(desiredFor(view, 'n1').services[0]).toMatchObject({
      state: 'request_stop',
      generation: 5,
      uid: 'stop.5',
    })
    expect(desiredFor(view, 'n2').services[0]).toMatchObject({ state: 'started', generation: null })
  })

  it('has whoever runs what is granted to another stop it', () => {
    const n2 = aNode('n2')
    n2.report!.running = [{ sid: web, generation: 1, state: 'running', stable: true }]
    const grant = { generation: 5, holders: [{ node: 'n1', epoch: 3, confirmed: true }] }
    const view = buildView({ nodes: [aNode('n1'), n2], services: [aService(web, 'n1', { grant })] })
    expect(desiredFor(view, 'n2').services[0]).toMatchObject({ state: 'stopped', generation: null })
  })

  it.each(['fence', 'recovery', 'request_start'] as const)(
    'orders nothing for a service in %s',
    (state) => {
      const view = buildView({
        services: [aService(web, 'n1', { grant: false, status: { state, running: false } })],
      })
      expect(desiredFor(view, 'n1').services).toEqual([])
    },
  )

  it('carries target, stop timeout and restart', () => {
    const moving = aService(web, 'n1', {
      status: { state: 'relocate', target: 'n2', stopTimeoutMs: 5 },
    })
    expect(desiredFor(buildView({ services: [moving] }), 'n1').services[0]).toMatchObject({
      target: 'n2',
      stopTimeoutMs: 5,
    })
    const restarting = aService(web, 'n1', { status: { restart: true } })
    expect(desiredFor(buildView({ services: [restarting] }), 'n1').services[0]!.restart).toBe(true)
  })

  it('asks every node with the driver about a service before its first grant', () => {
    const starting = aService(web, null, {
      grant: false,
      status: { state: 'request_start', probeRound: 7, running: false },
    })
    const view = buildView({
      nodes: [aNode('n1'), aNode('n2', { drivers: ['vm'] })],
      services: [starting],
    })
    expect(desiredFor(view, 'n1').probes).toEqual([web])
    expect(desiredFor(view, 'n2').probes).toEqual([])
  })

  const uuid = '6c1d9a54-0f0e-4a6b-9a6e-6f2f2c0a1b11'
  const xml = `<domain type='kvm'><name>db</name><uuid>${uuid}</uuid></domain>`
  it.each([
    ['systemd:db', { unit: 'db.service' }, { unit: 'db.service' }],
    ['vm:db', { xml }, { name: 'db', uuid }],
  ])(
    'asks for %s by what tells it there: a node may run it already (S18)',
    (sid, spec, telling) => {
      const starting = aService(sid, null, {
        grant: false,
        config: { spec },
        status: { state: 'request_start', probeRound: 7, running: false },
      })
      const nodes = [aNode('n1', { drivers: ['systemd', 'vm'] })]
      const view = buildView({ nodes, services: [starting] })
      expect(desiredFor(view, 'n1')).toMatchObject({
        probes: [sid],
        probeSpecs: { [sid]: telling },
      })
    },
  )

  it('tells a node of the maintenance that was asked for', () => {
    const view = buildView({ nodes: [aNode('n1', { maintenanceRequested: true })] })
    expect(desiredFor(view, 'n1').mode).toBe('maintenance')
  })
})
