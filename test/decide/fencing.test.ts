// Fencing: what the CRM does about a silent node, and what it never does before there is proof.
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../control-plane/cluster/apply.ts'
import {
  aNode,
  aService,
  buildView,
  leaseFrom,
  nowMs,
  silentNode,
  timing,
  type NodeChanges,
} from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const web = 'process:web'
const onN3 = (n3 = silentNode('n3'), services = [aService(web, 'n3')]) =>
  buildView({ nodes: [aNode('n1'), aNode('n2'), n3], services })

describe('a silent node', () => {
  it('is only unknown before its deadline: the note says how long, and the round comes at the deadline', () => {
    const n3 = silentNode('n3', {}, 20_000)
    const { plan, after } = play(onN3(n3))
    expect(after.nodes.n3!.state).toBe('unknown')
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
    const dueMs = leaseFrom(nowMs - 20_000)
    const seconds = Math.ceil((dueMs - nowMs) / 1000)
    expect(after.services[web]!.status!.note).toBe(
      `waits for evidence that n3 is dead, due in ${seconds} s`,
    )
    expect(plan.nextRoundMs).toBeLessThanOrEqual(dueMs)
    expect(plan.jobs).toEqual([{ job: 'fence-node', node: 'n3', epoch: 3, startAfterMs: dueMs }])
  })

  it('with an armed qualified watchdog is fenced and its service started elsewhere in one plan, after its deadline', () => {
    const { plan, after, lines } = play(onN3())
    expect(statesOf(plan, web)).toEqual(['fence', 'recovery', 'started'])
    expect(plan.changes.map((change) => change.kind)).toEqual([
      'node.state',
      'lease.revoked',
      'service.state',
      'node.state',
      'evidence.recorded',
      'node.state',
      'service.state',
      'service.state',
      'grant.opened',
    ])
    expect(after.services[web]!.grant).toEqual({
      generation: 1_000,
      holders: [{ node: 'n1', epoch: 3, confirmed: false }],
    })
    expect(after.nodes.n3!.lease).toMatchObject({
      epoch: 4,
      bootId: null,
      armed: false,
      guarded: null,
    })
    expect(after.nodes.n3!.revocations).toEqual([])
    expect(lines[1]).toContain('lease epoch 3 revoked (n3 is silent and its lease is over)')
    expect(ofKind(plan, 'evidence.recorded')[0]!.facts).toMatchObject({
      watchdog: 'i6300esb',
      effectiveMs: 10_000,
    })
  })

  const silentN3 = (changes: NodeChanges) => onN3(silentNode('n3', changes))
  const qualified = { class: 'qualified', identity: 'i6300esb', effectiveMs: 10_000 } as const
  const seeing = { ...qualified, outsideClock: 'rtc0' }
  const simulated = { class: 'simulated', identity: 'supervisor', effectiveMs: 3_000 } as const
  it.each([
    ['was not armed', silentN3({ lease: { guarded: false } })],
    ['was not armed', silentN3({ lease: { guarded: null } })],
    ['virtual machine', silentN3({ virtual: true })],
    ['no watchdog', silentN3({ watchdog: { class: 'none', identity: '', effectiveMs: 0 } })],
    ['only simulated', silentN3({ watchdog: simulated })],
  ])(
    'whose watchdog proves nothing (%s) is fenced, but its service waits and says for what',
    (doubt, view) => {
      const { plan, after } = play(view)
      expect(ofKind(plan, 'evidence.recorded')).toEqual([])
      expect(after.nodes.n3!.state).toBe('fence')
      expect(after.services[web]!.status!.state).toBe('fence')
      expect(after.services[web]!.grant).not.toBeNull()
      expect(after.services[web]!.status!.note).toContain(doubt)
      expect(after.services[web]!.status!.note).toContain('ha-manager fence confirm n3')
    },
  )

  it.each([
    [
      'a simulated watchdog counts in a development cluster',
      { watchdog: simulated },
      { development: true },
      false,
    ],
    [
      'a virtual node counts where its owner says so, if it would see that it was frozen',
      { virtual: true, watchdog: seeing },
      {},
      true,
    ],
  ])('%s', (_, changes, cluster, trust) => {
    const view = silentN3(changes)
    view.cluster = { ...view.cluster, ...cluster }
    view.settings.trustVirtualWatchdog = trust
    expect(play(view).after.services[web]!.status!).toMatchObject({ state: 'started', node: 'n1' })
  })

  it('that never confirmed a grant is proof enough for that grant, whatever its watchdog (S-A7)', () => {
    const grant = { generation: 7, holders: [{ node: 'n3', epoch: 3, confirmed: false }] }
    const n3 = silentNode('n3', { lease: { guarded: null } })
    const { plan, after } = play(
      onN3(n3, [aService(web, 'n3', { grant, status: { running: false } })]),
    )
    expect(ofKind(plan, 'evidence.recorded').map((one) => one.evidence)).toEqual([
      'never-confirmed',
    ])
    expect(after.services[web]!.status!).toMatchObject({ state: 'started', node: 'n1' })
  })

  it('that said it runs an unconfirmed grant is not believed dead for it', () => {
    const grant = { generation: 7, holders: [{ node: 'n3', epoch: 3, confirmed: false }] }
    const n3 = silentNode('n3', { lease: { guarded: null } })
    n3.report!.running = [{ sid: web, generation: 7, state: 'running', stable: true }]
    const { plan } = play(onN3(n3, [aService(web, 'n3', { grant, status: { running: false } })]))
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
  })

  it.each([
    ['no services', []],
    [
      'a service in error only',
      [aService(web, 'n3', { status: { state: 'error', running: false } })],
    ],
    ['a frozen service only', [aService(web, 'n3', { status: { state: 'freeze' } })]],
    [
      'a disabled stopped service only',
      [
        aService(web, 'n3', {
          config: { requested: 'disabled' },
          status: { state: 'stopped', running: false },
          grant: false,
        }),
      ],
    ],
    ['a removed service only', [aService(web, 'n3', { config: null, status: null })]],
  ])('with %s is unknown, and nothing is revoked', (_, services) => {
    const { plan, after } = play(onN3(silentNode('n3', { lease: { mode: 'restart' } }), services))
    expect(after.nodes.n3!.state).toBe('unknown')
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })

  it('gives up a stopped service without proof: with no grant nothing can run', () => {
    const stopped = aService(web, 'n3', {
      config: { requested: 'stopped' },
      status: { state: 'stopped', running: false },
      grant: false,
    })
    const { after } = play(onN3(silentNode('n3'), [stopped]))
    expect(after.services[web]!.status).toMatchObject({ state: 'stopped', node: 'n1' })
  })

  it('is not judged by one clock: a deadline that only one clock has passed is none (rule 9, S7)', () => {
    const n3 = silentNode('n3', { lease: { judgedUntilMs: nowMs + 5_000 } })
    const { plan } = play(onN3(n3))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })

  it('is not fenced while no node renews: the plane itself may have been away', () => {
    const nodes = ['n1', 'n2', 'n3'].map((name) => silentNode(name))
    const { plan } = play(buildView({ nodes, services: [aService(web, 'n3')] }))
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
  })
})

describe('after an outage of all nodes (S-A9)', () => {
  const outage = () => {
    const nodes = ['n1', 'n2', 'n3'].map((name) => silentNode(name, { state: 'unknown' }))
    nodes[0] = aNode('n1', { state: 'unknown' })
    return buildView({ nodes, services: [aService(web, 'n3')] })
  }

  it('the first node back is not given everything: placement settles', () => {
    const { plan, after } = play(outage())
    expect(after.quietSinceMs).toBe(nowMs)
    expect(ofKind(plan, 'lease.revoked')).toEqual([])
    expect(plan.nextRoundMs).toBeLessThanOrEqual(nowMs + timing.settleMs)
  })

  it('the wait ends by time, and then the missing nodes are fenced', () => {
    const view = { ...outage(), quietSinceMs: nowMs - timing.settleMs }
    const { plan, after } = play(view)
    expect(after.quietSinceMs).toBeNull()
    expect(after.services[web]!.status!.node).toBe('n1')
    expect(ofKind(plan, 'evidence.recorded')).toHaveLength(1)
  })

  it('the wait ends when all are back', () => {
    const view = buildView({ quietSinceMs: nowMs - 1, services: [aService(web, 'n3')] })
    expect(play(view).after.quietSinceMs).toBeNull()
  })

  it('a plane that was away for long does not trust what it thought of the nodes before', () => {
    const nodes = [aNode('n1'), silentNode('n2'), silentNode('n3')]
    const view = buildView({ nodes, services: [aService(web, 'n3')], lastRoundMs: nowMs - 60_000 })
    expect(ofKind(play(view).plan, 'lease.revoked')).toEqual([])
  })

  it('the first node of a new cluster is no outage', () => {
    const fresh = { state: 'unknown', lease: { bootId: null, renewedMs: null } } as const
    const view = buildView({ nodes: [aNode('n1', { state: 'unknown' }), aNode('n2', fresh)] })
    expect(play(view).after.quietSinceMs).toBeNull()
  })
})

describe('a person’s evidence', () => {
  it('revokes and closes in one, and the round after it recovers (M12)', () => {
    const view = onN3(silentNode('n3', { state: 'unknown', lease: { guarded: false } }))
    const confirmed = applyChanges(view, [
      { kind: 'lease.revoked', node: 'n3', epoch: 3, mode: 'operator', why: 'dead' },
      {
        kind: 'evidence.recorded',
        evidence: 'operator',
        node: 'n3',
        epoch: 3,
        scope: null,
        facts: {},
        why: 'dead',
      },
    ])
    expect(confirmed.services[web]!.grant).toBeNull()
    const { plan, after } = play(confirmed)
    expect(statesOf(plan, web)).toEqual(['fence', 'recovery', 'started'])
    expect(after.services[web]!.status!.node).toBe('n1')
  })

  it('is the way out for a frozen service whose node never returns', () => {
    const frozen = aService(web, 'n3', {
      status: { state: 'freeze', running: false },
      grant: false,
    })
    const lease = { bootId: null, epoch: 4, vouchedRound: 199 }
    const n3 = silentNode('n3', { state: 'unknown', lease })
    expect(play(onN3(n3, [frozen])).after.services[web]!.status!).toMatchObject({
      state: 'started',
      node: 'n1',
    })
  })
})

describe('quorum `majority`', () => {
  const view = (nodes: ReturnType<typeof aNode>[], quorate = true) =>
    buildView({ nodes, services: [aService(web, 'n3')], quorate, settings: { quorum: 'majority' } })

  it('without more than half of the nodes nobody is judged or fenced, and every note says so', () => {
    const { plan, after } = play(view([aNode('n1'), silentNode('n2'), silentNode('n3')]))
    expect(plan.changes.map((change) => change.kind)).toEqual(['quorum.changed'])
    expect(after.quorate).toBe(false)
    expect(after.services[web]!.status!.note).toContain('not quorate: 1 of 3 nodes report')
  })

  it('with more than half of the nodes the silent one is fenced', () => {
    const { after } = play(view([aNode('n1'), aNode('n2'), silentNode('n3')], false))
    expect(after.quorate).toBe(true)
    expect(after.services[web]!.status!.node).toBe('n1')
  })
})
