// Schedules for the agent's decisions: answers in any order, faults, crashes and orders, as fast-check draws and shrinks them.
import fc from 'fast-check'
import { judgeRevoked } from './contract.ts'
import { arrive, endJob, moves } from './halves.ts'
import { hand, inTwoSteps } from './two-step-halves.ts'
import { World } from './world.ts'

export const sids = ['process:a', 'process:b']
const sid = fc.constantFrom(...sids)
export type Step = (world: World) => void

export const finishSome = fc
  .record({ at: fc.nat(5), how: fc.constantFrom('finish', 'finish', 'finish', 'fail') })
  .map(
    ({ at, how }): Step =>
      (world) => {
        if (world.pending.length > 0)
          world.finish(at % world.pending.length, how as 'finish' | 'fail')
      },
  )

/** Something about a live move: an order, or what becomes of a job or of a half that listens. */
export const liveStep = fc.record({ one: sid, what: fc.nat(11), is: fc.boolean() }).map(
  ({ one, what, is }): Step =>
    (world) => {
      if (what < 3) moves.away(world, one, is ? 'n2:1' : null)
      else if (what === 3) moves.cancel(world, one)
      else if (what === 4) moves.back(world, one, is)
      else if (what === 5) moves.receive(world, one)
      else if (what === 6) moves.arrived(world, one)
      else if (what === 7) arrive(world, one, is)
      else if (what < 10) hand(world, one)
      else endJob(world, one, is)
    },
)

export const steps = fc.oneof(
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
  {
    weight: 2,
    arbitrary: fc.boolean().map(
      (isBegun): Step =>
        ({ plane }) =>
          isBegun ? plane.orderDrill() : plane.endMaintenance(),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.crash()) },
  { weight: 1, arbitrary: fc.constant<Step>(({ plane }) => plane.revoke()) },
  { weight: 1, arbitrary: fc.constant<Step>(({ plane }) => plane.changeHistory()) },
  {
    weight: 1,
    arbitrary: sid.map(
      (one): Step =>
        (world) =>
          exit(world, one),
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

export function play(schedule: Step[]): World {
  const world = new World()
  world.run1s()
  world.plane.grant(sids[0] ?? '')
  world.run1s()
  for (const step of schedule) {
    step(world)
    // The init system starts an agent that has ended.
    if (world.exited !== null) world.crash()
    judgeRevoked(world)
  }
  return world
}

/** Mostly live moves, and time enough for them to get somewhere before something happens to them. */
export const liveSteps = fc.oneof(
  { weight: 8, arbitrary: finishSome },
  { weight: 8, arbitrary: liveStep },
  { weight: 6, arbitrary: fc.constant<Step>((world) => world.settle(12)) },
  {
    weight: 4,
    arbitrary: fc.nat(1_500).map(
      (ms): Step =>
        (world) =>
          world.pass(ms),
    ),
  },
  {
    weight: 2,
    arbitrary: sid.map(
      (one): Step =>
        (world) =>
          exit(world, one),
    ),
  },
  {
    weight: 2,
    arbitrary: sid.map(
      (one): Step =>
        (world) =>
          sendAway(world, one),
    ),
  },
  {
    weight: 2,
    arbitrary: sid.map(
      (one): Step =>
        (world) =>
          comeBack(world, one),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>(sendOffAway) },
  { weight: 2, arbitrary: fc.constant<Step>(receiveSent) },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.crash()) },
  { weight: 1, arbitrary: steps },
)

/** A move that gets as far as its job. */
function sendAway(world: World, one: string): void {
  moves.away(world, one, 'n2:1')
  world.settleBut(['migrate'], 30)
}

/** The first of two steps, and its word; what it sends is granted first, where nobody has it. */
function sendOffAway(world: World): void {
  const { plane } = world
  if ((plane.orders.get(inTwoSteps)?.generation ?? null) === null && plane.bootId !== null)
    plane.grant(inTwoSteps)
  world.settle(30)
  sendAway(world, inTwoSteps)
  endJob(world, inTwoSteps, true)
  world.settle(30)
}

/** The second of two steps is ordered. */
function receiveSent(world: World): void {
  moves.receive(world, inTwoSteps)
  world.settle(30)
  hand(world, inTwoSteps)
  world.settleBut(['take-up'], 30)
}

/** The main process of what runs is gone, and its driver says so. */
function exit(world: World, one: string): void {
  const generation = world.host.get(one)
  if (generation === undefined) return
  if (world.pending.some(({ effect }) => effect.kind === 'start')) return
  world.host.delete(one)
  world.jobs.delete(one)
  world.decide([{ kind: 'exited', sid: one, generation, detail: 'killed' }])
}

/** A move that ended and stays is answered, and what follows from the answer is ordered. */
function comeBack(world: World, one: string): void {
  endJob(world, one, false)
  world.settle(30)
  moves.back(world, one, false)
  world.settle(30)
}
