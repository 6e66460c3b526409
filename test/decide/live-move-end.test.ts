// The CRM after a live move: what is left of one that failed, guests that change their mind in the middle, commands that
// end with it (D5), and the next try (D7).
import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { aCommand, nowMs } from './build-view.ts'
import {
  aMove,
  after,
  g1,
  g2,
  guestNode,
  holderA,
  n1,
  n1Left,
  n1Runs,
  n2,
  n2Runs,
  orders,
  saying,
  silentGuestNode,
  type Moving,
  uid,
  vm,
} from './live-views.ts'
import { ofKind, play } from './play.ts'

describe('what is left of a move that failed', () => {
  const failed = (moving: Moving = {}) =>
    aMove({
      ...moving,
      n1: moving.n1 ?? n1Runs(),
      status: {
        state: 'started',
        target: null,
        uid: 'after',
        running: true,
        deadlineMs: null,
        ...moving.status,
      },
    })

  it('is ended on the target, and meanwhile nothing is started on the source (S4d)', () => {
    const view = failed()
    expect(orders(view, 'n2')).toMatchObject({
      state: 'request_stop',
      uid: `stop.${g2}`,
      generation: g2,
    })
    expect(orders(view, 'n1')).toMatchObject({ state: 'started', shared: true, generation: g1 })
    expect(after(view).note).toBe('waits for n2 to end its half of a move that failed')
    expect(after(failed({ n1, status: { running: false } })).note).toContain('before it may start')
    const cleared = after(failed({ n2: saying(n2, { closed: g2 }) }))
    expect(cleared.held).toEqual([`n1/${g1}`])
    expect(orders(cleared.next, 'n1')!.shared).toBeUndefined()
  })

  it('holds also when its source dies: the guest starts elsewhere only when it is ended', () => {
    const dead = failed({ n1: silentGuestNode('n1') })
    const { state, held, plan, next, note } = after(dead)
    expect({ state, held }).toEqual({ state: 'fence', held: [`n2/${g2}`] })
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(note).toBe(`waits for n2 to end generation ${g2}`)
    expect(orders(next, 'n2')).toMatchObject({ state: 'request_stop' })
    const ended = { ...next, round: 202, nodes: { ...next.nodes, n2: saying(n2, { closed: g2 }) } }
    expect(after(ended)).toMatchObject({
      state: 'started',
      held: [expect.stringMatching(/^n[23]\//)],
    })
  })

  it('does not fence the guest with a target that dies', () => {
    const { state, node, held } = after(failed({ n2: silentGuestNode('n2') }))
    expect({ state, node, held }).toEqual({ state: 'started', node: 'n1', held: [`n1/${g1}`] })
  })

  it('allows no restart, and a relocation', () => {
    const commands = [aCommand('restart', vm), aCommand('relocate', vm, { node: 'n3' })]
    const { plan, state } = after(failed({ view: { commands } }))
    expect(ofKind(plan, 'command.status').map(({ to, why }) => `${to}: ${why}`)).toEqual([
      'refused: n2 has not ended its half of the last move yet',
      'running: moves to n3',
    ])
    expect(state).toBe('relocate')
  })
})

describe('a guest that is', () => {
  it('no longer wanted in the middle of its move is stopped on both nodes, on the target when nothing can come any more', () => {
    const { state, next } = after(aMove({ service: { config: { requested: 'stopped' } } }))
    expect(state).toBe('request_stop')
    expect(orders(next, 'n1')).toMatchObject({ state: 'request_stop', generation: g1 })
    expect(orders(next, 'n2')).toMatchObject({ state: 'ignored', generation: g2 })
    const half = { ...next, round: 202, nodes: { ...next.nodes, n1: saying(n1, { closed: g1 }) } }
    const one = after(half)
    expect(one.state).toBe('request_stop')
    expect(orders(one.next, 'n2')).toMatchObject({ state: 'request_stop', generation: g2 })
    const both = { ...half, nodes: { ...half.nodes, n2: saying(n2, { closed: g2 }) } }
    expect(after(both)).toMatchObject({ state: 'stopped', held: [] })
  })

  it('ignored in the middle of its move is left to arrive, or to stay', () => {
    const ignored = (moving: Moving) =>
      play(aMove({ ...moving, service: { config: { requested: 'ignored' } } })).after
    const view = ignored({})
    expect([orders(view, 'n1'), orders(view, 'n2')].map((order) => order?.state)).toEqual([
      'ignored',
      'ignored',
    ])
    const stayed = ignored({ n1: n1Runs() })
    expect([orders(stayed, 'n1'), orders(stayed, 'n2')].map((order) => order?.state)).toEqual([
      'ignored',
      'request_stop',
    ])
    const arrived = ignored({ n1, n2: n2Runs })
    expect([orders(arrived, 'n1'), orders(arrived, 'n2')].map((order) => order?.state)).toEqual([
      'request_stop',
      'ignored',
    ])
  })

  it('left over from a move is ended also while everything is ignored', () => {
    const disarm = { mode: 'ignore', state: 'disarmed', sinceMs: 0, effectiveMs: 0 } as const
    const view = aMove({
      n1: n1Runs(),
      status: { state: 'started', target: null },
      view: { disarm },
    })
    expect(orders(view, 'n1')).toMatchObject({ state: 'ignored', shared: true })
    expect(orders(view, 'n2')).toMatchObject({ state: 'request_stop', generation: g2 })
  })

  it('run by a lost history runs on in a quarantine, though an older holder is known here', () => {
    const quarantineUntilMs = nowMs + 60_000
    const planeEpoch = { ...aMove().planeEpoch, quarantineUntilMs }
    const grant = { generation: g1, holders: [holderA] }
    const n3 = saying(guestNode('n3'), { running: { generation: 7_000 } })
    const known = aMove({
      ...{ n1, n2, grant },
      status: { state: 'started', target: null },
      view: { planeEpoch },
    })
    const view = { ...known, nextGeneration: 8_000, nodes: { ...known.nodes, n3 } }
    expect(orders(view, 'n3')).toBeUndefined()
    const said = { ...view, nodes: { ...view.nodes, n1: saying(n1, { closed: g1 }) } }
    expect(after(said)).toMatchObject({ node: 'n3', held: ['n3/7000'] })
    const over = { ...view, planeEpoch: { ...planeEpoch, quarantineUntilMs: null } }
    expect(orders(over, 'n3')).toMatchObject({ state: 'stopped', generation: null })
  })

  it('added again with two halves open is where it runs, once every node has said what it has of it', () => {
    const forgotten = aMove({ n1, n2: n2Runs, service: { status: null } })
    forgotten.services[vm] = { ...forgotten.services[vm]!, status: null }
    const { node, state, next } = after(forgotten)
    expect({ node, state }).toEqual({ node: 'n2', state: 'started' })
    expect(orders(next, 'n1')).toMatchObject({ state: 'ignored', generation: g1 })
    for (const one of Object.values(next.nodes)) one.lease.revision = next.round
    expect(orders(next, 'n2')).toMatchObject({ state: 'ignored', shared: true, generation: g2 })
    expect(orders(next, 'n1')).toMatchObject({ state: 'request_stop', generation: g1 })
    next.nodes.n1 = saying(next.nodes.n1!, { closed: g1 })
    const { next: then } = after(next)
    expect(orders(then, 'n2')).toMatchObject({ state: 'started', generation: g2 })
  })

  it('moved by a command ends it with what became of it (D5)', () => {
    const commands = [aCommand('migrate', vm, { uid: 'c1', node: 'n2', status: 'running' })]
    const status = { command: 'c1' }
    const ends = (moving: Moving) => {
      const { next, plan } = after(aMove({ ...moving, status, view: { commands } }))
      const [ended] = ofKind(plan, 'command.status')
      return ended ? `${ended.to}: ${ended.why}` : next
    }
    expect(ends({ n1: n1Runs({ result: 'error', detail: 'line lost' }) })).toBe(
      'failed: the move failed: error: line lost',
    )
    expect(
      ends({ n1: n1Runs(), n2: saying(n2, { closed: g2, result: 'error', detail: 'no memory' }) }),
    ).toBe('failed: n2 could not receive it: error: no memory')
    const moved = ends({ n1: n1Left, n2: n2Runs }) as ClusterView
    const { status: now } = moved.services[vm]!
    expect(now).toMatchObject({ node: 'n2', command: 'c1' })
    moved.nodes.n2 = saying(n2, { running: {}, result: 'ok', uid: now!.uid })
    expect(ofKind(after({ ...moved, round: 202 }).plan, 'command.status')).toEqual([
      expect.objectContaining({ to: 'done', why: 'it runs on n2' }),
    ])
  })

  it('sent off by placement and failed is tried again later, also to the same node (D7)', () => {
    const view = aMove({ n1: n1Runs({ result: 'error' }), status: { moveFailures: 1 } })
    view.nodes.n1 = { ...view.nodes.n1!, maintenanceRequested: true, state: 'maintenance' }
    view.nodes.n3 = { ...view.nodes.n3!, maintenanceRequested: true, state: 'maintenance' }
    const { next } = after(view)
    const { retryAtMs, moveFailures } = next.services[vm]!.status!
    expect({ moveFailures, retryAtMs }).toEqual({ moveFailures: 2, retryAtMs: nowMs + 20_000 })
    const later = { ...next, nowMs: nowMs + 4_000, round: 202 }
    later.nodes = { ...later.nodes, n2: saying(n2, { closed: g2 }) }
    const waits = after(later)
    expect(waits).toMatchObject({
      state: 'started',
      note: expect.stringContaining('tries again in'),
    })
    const at = waits.next.services[vm]!
    const due = { ...at, status: { ...at.status!, retryAtMs: later.nowMs } }
    const again = after({ ...waits.next, round: 203, services: { [vm]: due } })
    expect(again).toMatchObject({ state: 'migrate', target: 'n2' })
    expect(again.held[1]).toBe(`n2/${waits.next.nextGeneration}`)
  })
})

it(`an answer names the order, and no other move (${uid})`, () => {
  const stale = aMove({ n1: n1Runs({ result: 'error', uid: 'an older one' }) })
  expect(after(stale).state).toBe('migrate')
})
