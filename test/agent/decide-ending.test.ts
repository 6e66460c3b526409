// Leaving: with services running on, which needs the plane's release, or with all of them stopped and ended.
import { describe, expect, test } from 'vitest'
import type { Effect } from '../../agent/lrm/decide/effect.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { World } from './world.ts'

const sid = 'process:a'
const kinds = (effects: Effect[]) => effects.map(({ kind }) => kind)
const renewals = (world: World): LeaseRequest[] =>
  world.done.flatMap((effect) => (effect.kind === 'renew' ? [effect.request] : []))

function node(options: { run?: boolean } = {}): World {
  const world = new World()
  world.run1s()
  if (options.run) {
    world.plane.grant(sid)
    world.run1s()
  }
  world.done = []
  return world
}

describe('a release', () => {
  const restart = (world: World) => world.decide([{ kind: 'signal', signal: 'restart' }])

  test('is asked for only once everything is frozen, and nothing is closed before it is committed (rule 11, S12)', () => {
    const world = node({ run: true })
    restart(world)
    world.run1s(2)
    expect(renewals(world).some(({ release }) => release)).toBe(false)
    expect(world.exited).toBe(null)
    world.plane.order(sid, 'freeze')
    world.run1s()
    const asked = renewals(world).find(({ release }) => release)
    expect(asked).toMatchObject({ armed: false, mode: 'restart' })
    expect(world.exited).toBe(0)
    expect(world.device.running).toBe(false)
    expect(world.host.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('whose answer is lost leaves the watchdog open and fed', () => {
    const world = node({ run: true })
    restart(world)
    world.plane.order(sid, 'freeze')
    for (let tick = 0; tick < 30; tick++) {
      const index = world.pending.findIndex(
        ({ effect }) => effect.kind !== 'poll' || effect.revision !== world.plane.revision,
      )
      const { effect } = world.pending[index] ?? {}
      if (index < 0) world.pass(50)
      else if (effect?.kind === 'renew' && effect.request.release) {
        const { request } = effect
        world.plane.renew(request, world.nowMs)
        world.finish(index, 'fail')
        break
      } else world.finish(index)
    }
    expect(world.device.open).toBe(true)
    expect(world.exited).toBe(null)
    world.run1s(2)
    expect(world.exited).toBe(0)
  })

  test('after it, the next process adopts what runs, arms again, and confirms it', () => {
    const world = node({ run: true })
    restart(world)
    world.plane.order(sid, 'freeze')
    world.run1s()
    world.pass(30_000)
    expect(world.host.get(sid)).toBe(1)
    world.crash()
    world.run1s(2)
    expect(world.plane.epoch).toBe(2)
    expect(world.host.get(sid)).toBe(1)
    expect(world.device.running).toBe(true)
    expect(world.plane.confirmed.has(`2/1/${sid}/1`)).toBe(true)
    expect(renewals(world).at(-1)).toMatchObject({ mode: 'active', armed: true })
    expect(kinds(world.done)).not.toContain('stop')
    expect(world.breaches).toEqual([])
  })

  test('that cannot be had because the plane is away ends in the gentle way, not in an open device', () => {
    const world = node({ run: true })
    restart(world)
    world.cut(12_000)
    expect(world.exited).toBe(0)
    expect(world.host.size).toBe(0)
    expect(world.device.running).toBe(false)
    expect(world.boot).toBe(1)
  })

  test('is not needed by a node that runs nothing', () => {
    const world = node()
    restart(world)
    expect(world.exited).toBe(0)
  })

  test('is asked for too by a process that was told to end before it took over the countdown left to it', () => {
    const world = node({ run: true })
    world.crash()
    restart(world)
    expect(world.exited).toBe(null)
    world.run1s()
    expect({ exited: world.exited, runs: world.host.get(sid) }).toEqual({ exited: null, runs: 1 })
    world.plane.order(sid, 'freeze')
    world.run1s(2)
    expect({ exited: world.exited, counts: world.device.running }).toEqual({
      ...{ exited: 0, counts: false },
    })
    expect(world.host.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('an empty node closes a countdown left to it before it ends', () => {
    const world = node({ run: true })
    world.host.clear()
    world.crash()
    restart(world)
    world.cut(2_000)
    expect(world.device.running).toBe(false)
    expect(world.exited).toBe(0)
    expect(world.breaches).toEqual([])
  })

  test('asked twice to end, it ends at once', () => {
    const world = node({ run: true })
    restart(world)
    restart(world)
    expect(world.exited).toBe(1)
  })
})

describe('a shutdown', () => {
  test('stops everything, ends it on disk, tells the plane, closes and exits', () => {
    const world = node({ run: true })
    world.decide([{ kind: 'signal', signal: 'shutdown' }])
    world.settle()
    world.run1s()
    expect(world.exited).toBe(0)
    expect(world.host.size).toBe(0)
    expect(world.disk.journal?.closed).toEqual({ [sid]: 1 })
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.device.running).toBe(false)
    expect(world.breaches).toEqual([])
  })

  test('does not wait for a plane that is away', () => {
    const world = node({ run: true })
    world.decide([{ kind: 'signal', signal: 'shutdown' }])
    world.cut(3_000)
    expect(world.exited).toBe(0)
    expect(world.disk.journal?.closed).toEqual({ [sid]: 1 })
  })
})
