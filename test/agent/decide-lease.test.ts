// The lease and the watchdog as the agent decides about them, named after what it guarantees. S and M numbers: the safety review.
import { describe, expect, test } from 'vitest'
import { kinds, node, pendingIndex, renewals, sid } from './one-node.ts'

describe('the lease', () => {
  test('counts from the sending of its own request: a late answer makes it no longer (M3)', () => {
    const world = node({ run: true })
    world.pass(400)
    const index = pendingIndex(world, 'renew')
    const { effect } = world.pending[index] ?? {}
    const sentMs = world.nowMs
    if (index < 0) world.pass(200)
    world.pass(450)
    world.finish(pendingIndex(world, 'renew'))
    expect(effect === undefined || world.lrm.lease?.sentMs).toBeTruthy()
    expect(world.lrm.lease?.sentMs).toBeLessThanOrEqual(sentMs + 200)
    expect(world.lrm.lease?.sentMs).toBeLessThan(world.nowMs - 200)
  })

  test('takes no answer that repeats the number of another request (M3)', () => {
    const world = node({ run: true })
    world.settle()
    const before = world.lrm.lease
    world.pass(600)
    const sent = renewals(world).at(-1)
    expect(sent).toBeDefined()
    if (!sent) return
    const answer = world.plane.renew({ ...sent, seq: sent.seq + 50 }, world.nowMs)
    if (answer.kind !== 'lease-granted') throw new Error('not granted')
    world.decide([{ ...answer, seq: sent.seq - 1 }])
    world.decide([{ ...answer, seq: sent.seq }])
    expect(world.lrm.lease).toEqual(before)
  })

  test('numbers its requests without ever repeating one, also across crashes', () => {
    const world = node({ run: true })
    for (let times = 0; times < 5; times++) {
      world.crash()
      world.run1s()
    }
    expect(world.breaches).toEqual([])
    expect(renewals(world).length).toBeGreaterThan(5)
  })

  test('that ends before its answer came leaves the node to the gentle way: all stopped within W, then closed', () => {
    const world = node({ run: true })
    const untilMs = world.mayFeedUntilMs
    world.cut(untilMs - world.nowMs - 200)
    expect(world.host.size).toBe(1)
    world.cut(200 + world.plane.timing.watchdogMs)
    expect(world.host.size).toBe(0)
    expect(world.boot).toBe(1)
    expect(world.device.running).toBe(false)
    expect(world.disk.journal?.epoch?.state).toBe('over')
    expect(world.disk.journal?.closed).toEqual({ [sid]: 1 })
    // The plane is back: a new epoch, and the old grant is answered as stopped.
    world.run1s()
    expect(world.plane.epoch).toBe(2)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('renewed while the services are being stopped lets them run again, under the same confirm', () => {
    const world = node({ run: true })
    world.cut(world.mayFeedUntilMs - world.nowMs + 100)
    expect(pendingIndex(world, 'stop')).toBeGreaterThanOrEqual(0)
    for (let tick = 0; tick < 10; tick++) {
      world.settleBut(['stop'])
      world.pass(100)
    }
    world.run1s(2)
    expect(world.host.get(sid)).toBe(1)
    expect(world.lrm.epoch?.number).toBe(1)
    expect(kinds(world.done).filter((kind) => kind === 'start')).toHaveLength(1)
    expect(world.breaches).toEqual([])
  })

  test('lost with onLeaseLoss reset leaves everything to the watchdog', () => {
    const world = node({ run: true })
    world.plane.settings.onLeaseLoss = 'reset'
    world.plane.revision++
    world.run1s()
    const { boot } = world
    world.cut(8_000)
    expect(kinds(world.done)).not.toContain('stop')
    expect(world.boot).toBe(boot + 1)
    expect(world.breaches).toEqual([])
  })
})

describe('the watchdog', () => {
  test('is not fed or opened by a crash-looping process whose lease is over (S1)', () => {
    const world = node({ run: true })
    const { boot } = world
    const startMs = world.nowMs
    const allowedMs = world.mayFeedUntilMs
    while (world.boot === boot && world.nowMs < startMs + 60_000) {
      world.crash()
      // It looks at the host and begins to stop, and dies before it has.
      for (const kind of ['survey', 'write-journal'] as const)
        if (pendingIndex(world, kind) >= 0) world.finish(pendingIndex(world, kind))
      world.pass(700)
    }
    // Last feed while allowed, one more ping by an unclean close less than W later, then W.
    expect(world.nowMs).toBeLessThanOrEqual(allowedMs + 2 * world.plane.timing.watchdogMs + 700)
    expect(world.breaches).toEqual([])
  })

  test('of an empty node is closed, and the node goes on renewing (D10)', () => {
    const world = node({ run: true })
    world.plane.order(sid, 'request_stop')
    world.run1s(2)
    expect(world.device.running).toBe(false)
    expect(renewals(world).at(-1)).toMatchObject({ armed: false, running: [] })
    world.cut(60_000)
    expect(world.boot).toBe(1)
  })

  test('is not closed while a start is under way or something may be left (S16b)', () => {
    const world = node()
    world.plane.grant(sid)
    world.settleBut(['start'])
    expect(pendingIndex(world, 'start')).toBeGreaterThanOrEqual(0)
    world.plane.revoke()
    world.done = []
    const goOn = (ms: number) => {
      for (const endMs = world.nowMs + ms; world.nowMs < endMs && world.boot === 1; ) {
        world.settleBut(['start', 'stop'])
        world.pass(100)
      }
    }
    goOn(1_500)
    expect(kinds(world.done)).toContain('stop')
    world.finish(pendingIndex(world, 'stop'), 'fail')
    goOn(20_000)
    expect(kinds(world.done)).not.toContain('close-watchdog')
    // What nobody could end, the watchdog did.
    expect(world.boot).toBe(2)
  })

  test('cannot be armed: whatever waits for it fails to start and is given up', () => {
    const world = node()
    const { uid } = world.plane.grant(sid)
    const decide = world.decide.bind(world)
    world.decide = (events) =>
      decide(
        events.map((event) =>
          event.kind === 'armed' ? { kind: 'arm-failed', why: 'EBUSY' } : event,
        ),
      )
    world.run1s(10)
    expect(world.host.size).toBe(0)
    expect(world.plane.results.get(uid)).toBe('error')
  })

  test('is fed before anything else that a decision asks for (M4)', () => {
    const world = node({ run: true })
    for (const effect of ['stop', 'request_stop'] as const) {
      world.plane.order(sid, effect === 'stop' ? 'freeze' : 'request_stop')
      world.nowMs += 800
      const index = pendingIndex(world, 'poll')
      const event = world.pending.splice(index, 1)[0]?.finish()
      const order = kinds(world.decide(event ? [event] : []))
      expect(order[0] === 'feed' || order.slice(0, 2).includes('feed')).toBe(true)
      world.settle()
    }
  })

  test('left running by an earlier process on a host that is empty now is taken over and closed', () => {
    const world = node({ run: true })
    world.host.clear()
    world.plane.drop(sid)
    world.crash()
    expect(world.device.running).toBe(true)
    // Fed until the orders are known, or the lease is over; then closed.
    world.cut(12_000)
    expect(world.device.running).toBe(false)
    expect(world.boot).toBe(1)
  })
})
