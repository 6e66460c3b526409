// The CRM in the middle of a live move: every phase, every fault of either node. Nobody starts the guest, and nobody takes
// it for moved, before each holder has proved what became of its half (S4).
import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { aCommand, aNode, aService, buildView, nowMs } from './build-view.ts'
import {
  aMove,
  after,
  back,
  g1,
  g2,
  guestNode,
  holderA,
  holderB,
  n1,
  n1Left,
  n1Runs,
  n2,
  n2Runs,
  n2Waits,
  orders,
  saying,
  silentGuestNode,
  vm,
  type Moving,
} from './live-views.ts'
import { ofKind, play, statesOf } from './play.ts'

describe('a live move begins', () => {
  const running = (changes: Parameters<typeof aService>[2] = {}) =>
    buildView({
      nodes: [saying(guestNode('n1'), { running: {} }), guestNode('n2'), guestNode('n3')],
      services: [aService(vm, 'n1', { grant: { generation: g1, holders: [holderA] }, ...changes })],
      commands: [aCommand('migrate', vm, { node: 'n2' })],
      nextGeneration: g2,
    })

  it('with the target as second holder, under a number of its own, before anything else', () => {
    const { plan, held, next, ...now } = after(running())
    expect(plan.changes.map(({ kind }) => kind)).toEqual([
      'grant.shared',
      'service.state',
      'command.status',
    ])
    expect(ofKind(plan, 'grant.shared')[0]).toMatchObject({ node: 'n2', generation: g2, epoch: 3 })
    expect(now).toMatchObject({ state: 'migrate', node: 'n1', target: 'n2' })
    expect(held).toEqual([`n1/${g1}`, `n2/${g2}`])
    expect(next.nextGeneration).toBe(g2 + 1)
    expect(plan.jobs).toEqual([expect.objectContaining({ job: 'relocate-service', sid: vm })])
    expect(orders(next, 'n1')).toMatchObject({
      generation: g1,
      move: { role: 'source', peer: 'n2', address: null },
    })
    expect(orders(next, 'n2')).toMatchObject({
      generation: g2,
      move: { role: 'target', peer: 'n1' },
    })
  })

  it('not where it does not run yet, also by its agent’s word', () => {
    const view = running({ status: { running: false } })
    view.nodes.n1 = saying(n1, { running: { state: 'starting' } })
    const { state, plan } = after(view)
    expect(state).toBe('relocate')
    const [change] = ofKind(plan, 'service.state')
    expect(change!.why).toContain('it does not run yet: relocated')
    view.nodes.n1 = saying(n1, { running: {} })
    expect(after(view).state).toBe('migrate')
  })

  it('not where the last move is not cleared up; the command says so, and the way out', () => {
    const grant = { generation: g1, holders: [holderA, { ...holderB, node: 'n3' }] }
    const { plan, state } = after({ ...running({ grant }), nextGeneration: 10 })
    expect(state).toBe('started')
    expect(ofKind(plan, 'command.status')).toEqual([
      expect.objectContaining({
        to: 'refused',
        why: 'n3 has not ended its half of the last move yet; relocate moves it by stopping it first',
      }),
    ])
  })

  it('not where another node says that it runs it, too', () => {
    const view = running()
    view.nodes.n3 = saying(guestNode('n3'), { running: { generation: 4 } })
    const [command] = ofKind(after(view).plan, 'command.status')
    expect(command!.why).toContain('n3 says that it runs it, too')
  })

  it('of a kind that cannot by a relocation, also where ocf does not say that it can', () => {
    for (const [sid, spec, state] of [
      ['ct:7', {}, 'relocate'],
      ['ocf:db', { live: false }, 'relocate'],
      ['ocf:db', { live: true }, 'migrate'],
    ] as const) {
      const types = { drivers: ['ct' as const, 'ocf' as const] }
      const view = buildView({
        nodes: ['n1', 'n2', 'n3'].map((name) => aNode(name, types)),
        services: [aService(sid, 'n1', { config: { spec } })],
        commands: [aCommand('migrate', sid, { node: 'n2' })],
      })
      expect(play(view).after.services[sid]!.status!.state, sid).toBe(state)
    }
  })

  it('by itself where its node is emptied, and by relocation on a person’s word', () => {
    const view = running()
    const emptied = { ...view, commands: [] }
    emptied.nodes.n1 = { ...view.nodes.n1!, maintenanceRequested: true, state: 'maintenance' }
    expect(after(emptied)).toMatchObject({ state: 'migrate' })
    const { state } = after({ ...running(), commands: [aCommand('relocate', vm, { node: 'n2' })] })
    expect(state).toBe('relocate')
  })
})

describe('the source may begin', () => {
  const address = (view: ClusterView) => orders(view, 'n1')!.move!.address
  const n2 = guestNode('n2')
  const half = { state: 'incoming', address: 'n2:6' } as const

  it('where the target’s holder is confirmed and its driver listens', () => {
    expect(address(aMove())).toBe('n2:6')
  })

  it.each<[string, Moving]>([
    ['the target does not listen', { n2 }],
    ['it listens for an older half', { n2: saying(n2, { running: { ...half, generation: g1 } }) }],
    [
      'its confirm is missing',
      { grant: { generation: g1, holders: [holderA, { ...holderB, confirmed: false }] } },
    ],
    [
      'its report is of an older lease',
      {
        n2: saying(guestNode('n2', { lease: { epoch: 4 }, report: n2.report }), { running: half }),
      },
    ],
    [
      'there is a quarantine',
      {
        view: {
          planeEpoch: { number: 1, uuid: aMove().planeEpoch.uuid, quarantineUntilMs: nowMs + 1 },
        },
      },
    ],
  ])('not while %s', (_, moving) => {
    expect(address(aMove(moving))).toBeNull()
  })
})

const n1In = (mode: 'restart') =>
  saying(guestNode('n1', { lease: { mode } }), { running: { state: 'migrating' } })

describe('both halves open, the source', () => {
  it.each<[string, Moving, object]>([
    ['migrates: it is waited for', {}, { state: 'migrate', note: 'moves to n2' }],
    [
      'tells how far it is',
      {
        n1: saying(n1, {
          running: {
            state: 'migrating',
            progress: { percent: 41.7, transferredBytes: 1, remainingBytes: 3 * 1024 ** 2 },
          },
        }),
      },
      { state: 'migrate', note: 'moves to n2: 41 %, 3 MiB left' },
    ],
    ['has not begun', { n1: n1Runs() }, { state: 'migrate', note: 'waits for n1 to begin' }],
    [
      'waits for the target',
      { n1: n1Runs(), n2 },
      { state: 'migrate', note: 'waits for n2 to be ready to receive it' },
    ],
    [
      'is silent about its end, and the target runs it',
      { n2: n2Runs },
      {
        state: 'migrate',
        note: 'it has arrived on n2; waits for n1 to say that nothing of it is left there',
      },
    ],
    [
      'says ok and has not ended its half',
      { n1: saying(n1, { result: 'ok' }) },
      { state: 'migrate' },
    ],
    [
      'answered an older order',
      { n1: n1Runs({ result: 'error', uid: 'other' }) },
      { state: 'migrate' },
    ],
    ['failed: it is there', { n1: n1Runs({ result: 'error' }) }, back('n1')],
    ['timed out, verified', { n1: n1Runs({ result: 'timeout' }) }, back('n1')],
    ['says wrong node', { n1: n1Runs({ result: 'wrong-node' }) }, { state: 'error' }],
    ['ended its half: it is on the target', { n1: n1Left, n2: n2Runs }, back('n2')],
    [
      'ended its half, and nobody knows whether it arrived',
      { n1: saying(n1, { closed: g1, result: 'error' }), n2: n2Waits },
      back('n2'),
    ],
    [
      'is silent',
      { n1: silentGuestNode('n1', 20_000) },
      { state: 'migrate', node: 'n1', target: 'n2' },
    ],
    ['has no lease left', { n1: silentGuestNode('n1') }, { state: 'started', node: 'n2' }],
  ])('%s', (_, moving, expected) => {
    expect(after(aMove(moving))).toMatchObject(expected)
  })

  it.each<[string, Moving, object]>([
    [
      'could not receive it',
      { n1: n1Runs(), n2: saying(n2, { closed: g2, result: 'error', detail: 'no memory' }) },
      back('n1'),
    ],
    ['ended its half while it migrates', { n2: saying(n2, { closed: g2 }) }, back('n1')],
    [
      'is silent: the source is told to end it',
      { n2: silentGuestNode('n2', 20_000) },
      { state: 'migrate' },
    ],
    ['is proved dead', { n2: silentGuestNode('n2') }, back('n1')],
  ])('and the target %s', (_, moving, expected) => {
    const { held, ...now } = after(aMove(moving))
    expect(now).toMatchObject(expected)
    expect(held[0]).toBe(`n1/${g1}`)
  })

  it('never started anew before both are proved dead', () => {
    const moving = { n1: silentGuestNode('n1'), n2: silentGuestNode('n2') }
    const { plan, held, state, node } = after(aMove(moving))
    expect(statesOf(plan, vm)).toContain('recovery')
    expect(ofKind(plan, 'grant.opened')).toEqual([expect.objectContaining({ node: 'n3' })])
    expect({ held: held.length, state, node }).toEqual({ held: 1, state: 'started', node: 'n3' })
  })

  it('of which one is silent keeps the other’s half', () => {
    const silent = { n1: silentGuestNode('n1'), n2: silentGuestNode('n2', 20_000) }
    const { held, state, node, plan } = after(aMove(silent))
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect({ held, state, node }).toEqual({ held: [`n2/${g2}`], state: 'started', node: 'n2' })
  })

  it('whose source has a watchdog that proves nothing is waited for, and stays where it may be (S4a)', () => {
    const unarmed = silentGuestNode('n1')
    unarmed.lease = { ...unarmed.lease, guarded: false }
    const { held, state, target, next, plan } = after(aMove({ n1: unarmed, n2: n2Runs }))
    expect({ held, state, target }).toEqual({
      held: [`n1/${g1}`, `n2/${g2}`],
      state: 'fence',
      target: 'n2',
    })
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    // What has arrived runs on: the target is not told to stop it.
    expect(orders(next, 'n2')).toMatchObject({
      state: 'migrate',
      generation: g2,
      move: { role: 'target' },
    })
    expect(orders(next, 'n1')).toBeUndefined()
  })

  it('is closed as never confirmed where the target dies before its confirm', () => {
    const grant = { generation: g1, holders: [holderA, { ...holderB, confirmed: false }] }
    const dead = { ...silentGuestNode('n2'), report: null }
    const { plan, ...now } = after(aMove({ grant, n1: n1Runs(), n2: dead }))
    expect(ofKind(plan, 'evidence.recorded')[0]).toMatchObject({
      evidence: 'never-confirmed',
      scope: { generation: g2 },
    })
    expect(now).toMatchObject({ ...back('n1'), held: [`n1/${g1}`] })
  })

  it.each<[string, Moving]>([
    ['time is up', { status: { deadlineMs: nowMs } }],
    ['the target is lost', { n2: silentGuestNode('n2', 20_000) }],
    ['the agent of the target leaves', { n2: guestNode('n2', { lease: { mode: 'restart' } }) }],
    ['its own agent leaves', { n1: n1In('restart') }],
  ])('is cancelled when %s, and only the source says what became of it', (_, moving) => {
    const { next, state, held } = after(aMove(moving))
    expect(state).toBe('migrate')
    expect(held).toHaveLength(2)
    expect(orders(next, 'n1')!.move).toMatchObject({ cancel: true })
    for (const late of [1_000, 3_000, 8_000])
      expect(after({ ...next, nowMs: next.nowMs + late, round: 202 }).state).toBe('migrate')
    const moved = { ...next, round: 203, nodes: { ...next.nodes, n1: n1Left, n2: n2Runs } }
    expect(after(moved)).toMatchObject(back('n2'))
  })
})
