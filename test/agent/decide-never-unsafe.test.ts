// Whatever happens, in whatever order: the agent's decisions keep the safety contract, and once the faults end the
// orders are carried out. The plane and the machine of the test are the judges, not the agent's own state.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideLrm } from '../../agent/lrm/decide/decide.ts'
import { arrive, endJob, moves } from './halves.ts'
import { World } from './world.ts'

const sids = ['process:a', 'process:b']
const sid = fc.constantFrom(...sids)
type Step = (world: World) => void

const finishSome = fc
  .record({ at: fc.nat(5), how: fc.constantFrom('finish', 'finish', 'finish', 'fail') })
  .map(
    ({ at, how }): Step =>
      (world) => {
        if (world.pending.length > 0)
          world.finish(at % world.pending.length, how as 'finish' | 'fail')
      },
  )

/** Something about a live move: an order, or what becomes of a job or of a half that listens. */
const liveStep = fc.record({ one: sid, what: fc.nat(9), is: fc.boolean() }).map(
  ({ one, what, is }): Step =>
    (world) => {
      if (what < 3) moves.away(world, one, is ? 'n2:1' : null)
      else if (what === 3) moves.cancel(world, one)
      else if (what === 4) moves.back(world, one, is)
      else if (what === 5) moves.receive(world, one)
      else if (what === 6) moves.arrived(world, one)
      else if (what === 7) arrive(world, one, is)
      else endJob(world, one, is)
    },
)

const steps = fc.oneof(
  { weight: 12, arbitrary: finishSome },
  {
    weight: 4,
    arbitrary: fc.nat(900).map(
      (ms): Step =>
        (world) =>
          world.pass(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1_000, max: 9_000 }).map(
      (ms): Step =>
        (world) =>
          world.pass(ms),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Step>((world) => world.settle(20)) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 100, max: 14_000 }).map(
      (ms): Step =>
        (world) =>
          world.cut(ms),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 3 }).map(
      (s): Step =>
        (world) =>
          world.run1s(s),
    ),
  },
  {
    weight: 3,
    arbitrary: sid.map(
      (one): Step =>
        ({ plane }) => {
          if ((plane.orders.get(one)?.generation ?? null) === null && plane.bootId !== null)
            plane.grant(one)
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        one: sid,
        state: fc.constantFrom('request_stop', 'freeze', 'error', 'started', 'relocate'),
      })
      .map(
        ({ one, state }): Step =>
          ({ plane }) => {
            if (plane.orders.has(one)) plane.order(one, state as 'freeze')
          },
      ),
  },
  {
    weight: 1,
    arbitrary: sid.map(
      (one): Step =>
        ({ plane }) => {
          if (plane.orders.get(one)?.state === 'started')
            plane.order(one, 'started', { restart: true })
        },
    ),
  },
  { weight: 3, arbitrary: liveStep },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.crash()) },
  { weight: 1, arbitrary: fc.constant<Step>(({ plane }) => plane.revoke()) },
  { weight: 1, arbitrary: fc.constant<Step>(({ plane }) => plane.changeHistory()) },
  {
    weight: 1,
    arbitrary: sid.map(
      (one): Step =>
        (world) => {
          const generation = world.host.get(one)
          if (
            generation === undefined ||
            world.pending.some(({ effect }) => effect.kind === 'start')
          )
            return
          world.host.delete(one)
          world.decide([{ kind: 'exited', sid: one, generation, detail: 'killed' }])
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('restart' as const, 'shutdown' as const).map(
      (signal): Step =>
        (world) => {
          world.decide([{ kind: 'signal', signal }])
        },
    ),
  },
)

function play(schedule: Step[]): World {
  const world = new World()
  world.run1s()
  world.plane.grant(sids[0] ?? '')
  world.run1s()
  for (const step of schedule) {
    step(world)
    // The init system starts an agent that has ended.
    if (world.exited !== null) world.crash()
    world.judge()
  }
  return world
}

test('no schedule of answers, faults, crashes and orders breaks the safety contract', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120 }), (schedule) => {
      expect(play(schedule).breaches).toEqual([])
    }),
    { numRuns: 400 },
  )
})

test('a decision settles: decided again at once, it asks for nothing more', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (schedule) => {
      const world = play(schedule)
      const again = decideLrm(world.lrm, { nowMs: world.nowMs, events: [] })
      expect(again.effects.filter(({ kind }) => kind !== 'exit' && kind !== 'say')).toEqual([])
    }),
    { numRuns: 150 },
  )
})

test('once the faults end, what is ordered to run runs, and what is ordered to stop is stopped and told', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (schedule) => {
      const world = play(schedule)
      world.crash()
      // The CRM's part: what was ended is granted again, what was frozen by a planned stop is thawed.
      for (let second = 0; second < 60; second++) {
        world.run1s()
        for (const one of sids) {
          moves.cancel(world, one)
          moves.back(world, one, true)
          moves.arrived(world, one)
        }
        for (const { sid, generation, state } of [...world.plane.orders.values()])
          if (state === 'freeze' || (state === 'started' && generation === null))
            world.plane.order(sid, 'started', {
              generation: generation ?? world.plane.nextGeneration++,
            })
      }
      expect(world.breaches).toEqual([])
      for (const { sid: one, state, generation, uid } of world.plane.orders.values()) {
        if (state === 'started') expect(world.host.get(one)).toBe(generation)
        if (state === 'request_stop' || state === 'relocate' || state === 'stopped') {
          expect(world.host.has(one)).toBe(false)
          expect(world.plane.results.get(uid)).toBe('ok')
        }
      }
      if (world.host.size === 0 && ![...world.plane.orders.values()].some((o) => o.generation))
        expect(world.device.running).toBe(false)
    }),
    { numRuns: 60 },
  )
})
