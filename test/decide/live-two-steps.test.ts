// Live moves in two steps, as the plane tells of them: the target is told only what the source has said under its lease, the
// source only what the target has. And moves that no driver can do live after all.
import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import {
  aMove,
  after,
  g1,
  g2,
  guestNode,
  n1,
  n2,
  n2Runs,
  n2Waits,
  orders,
  saying,
  silentGuestNode,
  vm,
  type Moving,
} from './live-views.ts'
import { aCommand } from './build-view.ts'
import { ofKind, play } from './play.ts'

const n1Sent = saying(n1, { running: { state: 'migrating', sent: true } })
const told = (moving: Moving) => {
  const view = aMove(moving)
  return [orders(view, 'n1'), orders(view, 'n2')].map((order) => order?.move?.handed)
}

describe('what was sent off', () => {
  it('may be taken up once the source has said so, and is ended there once the target runs it', () => {
    expect(told({})).toEqual([undefined, undefined])
    expect(told({ n2: n2Runs })).toEqual([undefined, undefined])
    expect(told({ n1: n1Sent, n2: n2Waits })).toEqual([undefined, true])
    expect(told({ n1: n1Sent, n2: n2Runs })).toEqual([true, true])
    expect(after(aMove({ n1: n1Sent, n2: n2Waits })).note).toBe(
      'was sent to n2; waits for n2 to take it up',
    )
  })

  it('is not taken up on the word of an earlier lease', () => {
    const later = { ...n1Sent, lease: { ...n1Sent.lease, epoch: n1Sent.lease.epoch + 1 } }
    expect(told({ n1: later, n2: n2Waits })[1]).toBeUndefined()
  })

  it('is not taken up once the move is cancelled: the source is about to end it', () => {
    expect(told({ n1: n1Sent, n2: n2Waits, status: { moveCancelled: true } })).toEqual([
      undefined,
      undefined,
    ])
  })

  it('waits for a source that cannot end what is left there, and its note says why', () => {
    const doubt = 'its stop failed: busy'
    const stuck = saying(n1, { running: { state: 'migrating', doubt } })
    expect(after(aMove({ n1: stuck, n2: n2Runs })).note).toBe(
      `it has arrived on n2; waits for n1 to say that nothing of it is left there: ${doubt}`,
    )
    const status = { moveCancelled: true }
    expect(after(aMove({ n1: stuck, n2: n2Waits, status })).note).toContain(doubt)
  })

  it('is with neither node while its source is silent: nobody starts it', () => {
    const { state, held, plan } = after(aMove({ n1: silentGuestNode('n1', 3_000), n2: n2Waits }))
    expect({ state, held }).toEqual({ state: 'migrate', held: [`n1/${g1}`, `n2/${g2}`] })
    expect(ofKind(plan, 'grant.opened')).toEqual([])
  })
})

describe('a move that a driver cannot do live', () => {
  const commands = [aCommand('migrate', vm, { uid: 'c1', node: 'n2', status: 'running' })]
  const status = { command: 'c1' }

  it('of which the target says so is the same move by a stop, once nothing of it is left there', () => {
    const refused = saying(n2, { closed: g2, result: 'not-live' })
    const n1Runs = saying(n1, { running: {} })
    const { state, target, held, next } = after(
      aMove({ n1: n1Runs, n2: refused, status, view: { commands } }),
    )
    expect({ state, target, held }).toEqual({ state: 'relocate', target: 'n2', held: [`n1/${g1}`] })
    expect(next.services[vm]!.status!.command).toBe('c1')
    expect(orders(next, 'n1')).toMatchObject({ state: 'relocate', generation: g1 })
  })

  it('of which the source says so is too, and the target ends its half before anything starts there', () => {
    const refused = saying(n1, { running: {}, result: 'not-live' })
    const { state, held, next, plan } = after(aMove({ n1: refused, n2: n2Waits }))
    expect({ state, held }).toEqual({ state: 'relocate', held: [`n1/${g1}`, `n2/${g2}`] })
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(orders(next, 'n2')).toMatchObject({ state: 'request_stop', generation: g2 })
    const stopped = saying(n1, { closed: g1, result: 'ok', uid: next.services[vm]!.status!.uid })
    const half = { ...next, round: 202, nodes: { ...next.nodes, n1: stopped } }
    expect(after(half)).toMatchObject({ state: 'relocate', held: [`n2/${g2}`] })
    const both = { ...half, nodes: { ...half.nodes, n2: saying(guestNode('n2'), { closed: g2 }) } }
    expect(after(both)).toMatchObject({ state: 'started', node: 'n2' })
  })

  it.each([
    ['ocf:db', 'n1', 'relocate'],
    ['ocf:db', 'n2', 'started'],
    ['vm:101', 'n1', 'started'],
  ] as const)(
    'of which an older agent knows nothing: %s, called invalid by %s, is %s',
    (sid, node, state) => {
      const says = { running: {}, result: 'invalid' } as const
      const view = aMove(
        node === 'n1'
          ? { n1: saying(n1, says), n2: n2Waits }
          : {
              n1: saying(n1, { running: {} }),
              n2: saying(n2, { closed: g2, result: 'invalid' }),
            },
      )
      const kind = sid === vm ? '"vm"' : '"ocf"'
      const text = JSON.stringify(view).replaceAll(vm, sid).replaceAll('"vm"', kind)
      const next = play(JSON.parse(text) as ClusterView).after
      expect(next.services[sid]!.status!.state).toBe(state)
    },
  )
})
