// How the agent starts a service, schedule by schedule, named after what it guarantees. S and M numbers: the safety review.
import { describe, expect, test } from 'vitest'
import { kinds, node, pendingIndex, renewals, sid } from './one-node.ts'

describe('starting a service', () => {
  test('arms, confirms, then starts: in this order, and without waiting for the next renewal (rule 12)', () => {
    const world = node()
    world.plane.grant(sid)
    const beforeMs = world.nowMs
    world.settle()
    const steps = kinds(world.done).filter((kind) => ['arm', 'renew', 'start'].includes(kind))
    expect(steps.slice(0, 3)).toEqual(['arm', 'renew', 'start'])
    expect(renewals(world)[0]).toMatchObject({ armed: true, confirms: [{ sid, generation: 1 }] })
    expect(world.nowMs).toBe(beforeMs)
    expect(world.breaches).toEqual([])
  })

  test('takes one renewal: none that only tells of the new orders goes out before the device is armed', () => {
    const world = node()
    world.settle()
    expect(pendingIndex(world, 'renew')).toBe(-1)
    world.done = []
    world.plane.grant(sid)
    world.finish(pendingIndex(world, 'poll'))
    expect(renewals(world)).toMatchObject([{ armed: true, confirms: [{ sid, generation: 1 }] }])
    world.settle()
    expect(world.host.get(sid)).toBe(1)
  })

  test('that must wait for a disk holds no renewal back past the time it is due', () => {
    const world = node()
    world.settle()
    world.lrm.armLimit = { upTo: 0, next: null }
    world.done = []
    world.plane.grant(sid)
    world.finish(pendingIndex(world, 'poll'))
    expect(kinds(world.done)).not.toContain('renew')
    world.pass(world.plane.timing.renewMs)
    expect(renewals(world)).toMatchObject([{ armed: false, confirms: [] }])
  })

  test('arms at once also when the device was closed a moment ago', () => {
    const world = node({ run: true })
    world.plane.order(sid, 'request_stop')
    world.settle()
    expect(world.device.open).toBe(false)
    const beforeMs = world.nowMs
    world.plane.grant(sid)
    world.settle()
    expect({ runs: world.host.get(sid), nowMs: world.nowMs }).toEqual({ runs: 2, nowMs: beforeMs })
    expect(world.breaches).toEqual([])
  })

  test('does not happen when the confirm names another generation, or none', () => {
    const world = node()
    world.plane.grant(sid)
    const confirmed = world.plane.renew.bind(world.plane)
    world.plane.renew = (request, nowMs) => {
      const event = confirmed(request, nowMs)
      if (event.kind === 'lease-granted') event.answer.confirmed = [{ sid, generation: 99 }]
      return event
    }
    world.run1s(3)
    expect(kinds(world.done)).not.toContain('start')
    expect(world.device.running).toBe(true)
  })

  test('does not happen after a pause past the lease, though the order and the confirm are in the socket (S14)', () => {
    const world = node()
    world.plane.grant(sid)
    // The confirm is committed; then the process is paused for a minute before it reads the answer.
    world.finish(pendingIndex(world, 'poll'))
    world.settle(0)
    const index = pendingIndex(world, 'renew')
    const renewal = world.pending[index]
    expect(renewal?.effect.kind).toBe('renew')
    const answer = renewal?.finish()
    world.pending.splice(index, 1)
    world.device.running = false
    world.nowMs += 60_000
    world.decide(answer ? [answer] : [])
    world.settle(3)
    expect(world.host.size).toBe(0)
    expect(kinds(world.done)).not.toContain('start')
  })

  test('of a generation that was ended here never happens again, whatever is ordered (S15b)', () => {
    const world = node({ run: true })
    world.plane.order(sid, 'request_stop')
    world.settle()
    world.crash()
    world.run1s()
    world.plane.order(sid, 'started', { generation: 1 })
    world.run1s(5)
    expect(world.host.size).toBe(0)
    expect(world.breaches).toEqual([])
  })

  test('that fails is tried max_restart times more, then ended, then answered with error', () => {
    const world = node()
    world.failStarts.add(sid)
    const { uid } = world.plane.grant(sid)
    world.run1s(10)
    expect(kinds(world.done).filter((kind) => kind === 'start')).toHaveLength(2)
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.plane.results.get(uid)).toBe('error')
    const ended = renewals(world).findIndex(({ closed }) => closed.length > 0)
    const answered = renewals(world).findIndex(({ results }) => results.length > 0)
    expect(ended).toBeLessThanOrEqual(answered)
    expect(world.device.running).toBe(false)
  })

  test('that was good clears the count of failures only once it has lived for stableMs', () => {
    const world = node({ run: true })
    const exit = () => {
      world.host.delete(sid)
      world.decide([{ kind: 'exited', sid, generation: 1, detail: 'killed' }])
    }
    for (let times = 0; times < 4; times++) {
      world.run1s(11)
      exit()
      world.run1s()
      expect(world.host.get(sid)).toBe(1)
    }
    world.run1s(11)
    exit()
    world.run1s()
    exit()
    world.run1s()
    exit()
    world.run1s(2)
    expect(world.host.size).toBe(0)
    expect(world.plane.closed.get(sid)).toBe(1)
  })

  test('is never done from the journal: a new process waits for orders and confirms of its own', () => {
    const world = node({ run: true })
    world.host.clear()
    world.crash()
    expect(world.disk.journal?.started).toEqual({ [sid]: 1 })
    world.done = []
    world.cut(500)
    expect(kinds(world.done)).not.toContain('start')
    world.run1s()
    expect(world.host.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })
})
