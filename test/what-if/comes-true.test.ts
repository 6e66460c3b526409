// What-if against what happens: a prediction is made on the view of a whole small world, then the same is done to the
// world, and the CRM's records end up the same.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { foreseeAtOnce } from '../../control-plane/crm/what-if/foresee.ts'
import { type Hypothesis, nothing } from '../../control-plane/crm/what-if/suppose.ts'
import type { World } from '../decide/world.ts'
import { life, names, places, settledWorld } from './small-worlds.ts'

function comeTrue(world: World, hypothesis: Hypothesis): void {
  for (const name of hypothesis.maintenance)
    world.setNode({ ...world.view.nodes[name]!, maintenanceRequested: true })
  for (const { sid, requested } of hypothesis.services)
    world.configure(sid, { requested: requested! })
  // First what is planned, then what is lost, as a what-if has it.
  if (hypothesis.maintenance.length + hypothesis.services.length > 0) world.run(30_000)
  for (const machine of world.machines)
    if (hypothesis.down.includes(machine.name)) world.powerOff(machine)
  world.run(60_000)
}

// A property that fails is drawn again many times while it shrinks.
describe('a what-if', { timeout: 120_000 }, () => {
  it('predicts exactly where a world puts every service', () => {
    fc.assert(
      fc.property(life, (drawn) => {
        const world = settledWorld(drawn)
        const { down, maintenance, wish } = drawn
        const hypothesis = { ...nothing, down, maintenance, services: [wish] } as Hypothesis
        const foreseen = foreseeAtOnce(world.view, hypothesis)
        comeTrue(world, hypothesis)
        expect(foreseen.settled).toBe(true)
        expect(places(foreseen.after)).toEqual(places(world.view))
      }),
      { numRuns: Number(process.env.RUNS ?? 15) },
    )
  })

  it('predicts when the services of a node that loses its power start elsewhere', () => {
    fc.assert(
      fc.property(life, fc.constantFrom(...names), (drawn, name) => {
        const world = settledWorld(drawn)
        const hypothesis = { ...nothing, down: [name] }
        const { before, happenings } = foreseeAtOnce(world.view, hypothesis)
        const predicted = new Map<string, number>()
        for (const { atMs, change } of happenings)
          if (change.kind === 'grant.opened') predicted.set(change.sid, atMs - before.nowMs)
        const seen = new Map<string, number>()
        world.onRound = (view) => {
          for (const change of decide(view).changes)
            if (change.kind === 'grant.opened') seen.set(change.sid, view.nowMs - before.nowMs)
        }
        comeTrue(world, hypothesis)
        expect([...seen.keys()]).toEqual([...predicted.keys()])
        // A world has rounds and renewals every half second only.
        for (const [sid, ms] of seen) expect(Math.abs(ms - predicted.get(sid)!)).toBeLessThan(1_500)
      }),
      { numRuns: Number(process.env.RUNS ?? 10) },
    )
  })

  it('predicts what becomes of the services of a node that was off and comes back', () => {
    fc.assert(
      fc.property(life, fc.constantFrom(...names), (drawn, name) => {
        const world = settledWorld(drawn)
        const machine = world.machines.find((one) => one.name === name)!
        world.powerOff(machine)
        world.run(drawn.down.length * 15_000)
        const foreseen = foreseeAtOnce(world.view, { ...nothing, back: [name] })
        world.powerOn(machine)
        world.run(60_000)
        expect(foreseen.settled).toBe(true)
        expect(places(foreseen.after)).toEqual(places(world.view))
      }),
      { numRuns: Number(process.env.RUNS ?? 10) },
    )
  })
})
