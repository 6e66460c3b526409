// A simulated node that has joined, and what its agent has done: for tests of what the agent decides.
import { expect } from 'vitest'
import type { Effect } from '../../agent/lrm/decide/effect.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { World } from './world.ts'

export const sid = 'process:a'
export const kinds = (effects: Effect[]) => effects.map(({ kind }) => kind)
export const renewals = (world: World): LeaseRequest[] =>
  world.done.flatMap((effect) => (effect.kind === 'renew' ? [effect.request] : []))
export const pendingIndex = (world: World, kind: Effect['kind']) =>
  world.pending.findIndex(({ effect }) => effect.kind === kind)

/** A node that has joined; with `run`, it runs one service. */
export function node(options: { run?: boolean } = {}): World {
  const world = new World()
  world.run1s()
  if (options.run) {
    world.plane.grant(sid)
    world.run1s()
    expect(world.host.get(sid)).toBe(1)
  }
  world.done = []
  return world
}
