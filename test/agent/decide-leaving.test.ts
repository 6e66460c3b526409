// A service that is to leave its node: `ok` to that means its driver looked, and nothing of it is left here.
import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

const sid = 'process:a'

/** A node that holds generation 1 of a service that this agent has never had a hand in. */
function leaving(): World {
  const world = new World()
  world.run1s()
  const { generation } = world.plane.grant(sid)
  world.plane.order(sid, 'relocate', { generation })
  world.done = []
  return world
}

/** Everything goes on until the driver has been asked to stop it. */
function untilAsked(world: World): number {
  for (let step = 0; step < 100; step++) {
    const asked = world.pending.findIndex(({ effect }) => effect.kind === 'stop')
    if (asked >= 0) return asked
    const next = world.pending.findIndex(
      ({ effect }) => effect.kind !== 'poll' || effect.revision !== world.plane.revision,
    )
    if (next < 0) world.pass(50)
    else world.finish(next)
  }
  throw new Error('the driver was not asked')
}

describe('a service that is to leave a node whose agent knows nothing of it', () => {
  test('is ended there only once its driver has looked', () => {
    const world = leaving()
    const asked = untilAsked(world)
    expect(world.lrm.journal.closed).toEqual({})
    world.finish(asked)
    world.run1s()
    expect(world.plane.closed.get(sid)).toBe(1)
    expect(world.breaches).toEqual([])
  })

  test('is asked for once: the answer does not bring the question again', () => {
    const world = leaving()
    world.run1s(3)
    expect(world.done.filter(({ kind }) => kind === 'stop')).toHaveLength(1)
  })

  test('stays where it is when its driver says that it is not to be taken from here', () => {
    const world = leaving()
    const { effect } = world.pending[untilAsked(world)]!
    if (effect.kind !== 'stop') throw new Error('not a stop')
    world.pending = world.pending.filter((one) => one.effect !== effect)
    const outcome = 'wrong-node' as const
    world.decide([
      { kind: 'stopped', sid, generation: effect.generation, outcome, detail: 'it is on n2' },
    ])
    world.settle()
    expect([...world.plane.results.values()]).toContain('wrong-node')
    expect(world.plane.closed.has(sid)).toBe(false)
  })
})
