// Live moves under random faults: nothing is ever active twice, whatever runs or may come alive is held where it is, and
// when the faults have ended every guest runs once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Event, event, happen, heal, names } from './events.ts'
import { fates } from './live-half.ts'
import { newAgent } from './machine.ts'
import { World } from './world.ts'

const guests = ['vm:101', 'vm:102']

const node = fc.nat(2)
const shortly = fc.integer({ min: 500, max: 4_000 })
const guest = fc.integer({ min: 4, max: 5 })
const happening = (what: string, waitMs = shortly) =>
  fc.record({ what: fc.constant(what), node, sid: guest, waitMs })

/** A move, and what goes wrong in the middle of it. */
const troubled: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: happening('migrate') },
  { weight: 3, arbitrary: happening('fate') },
  { weight: 2, arbitrary: happening('guest dies') },
  { weight: 2, arbitrary: happening('client gives up') },
  { weight: 1, arbitrary: happening('peers cut') },
  { weight: 1, arbitrary: happening('peers heal') },
  { weight: 1, arbitrary: happening('disable') },
  { weight: 1, arbitrary: happening('start') },
  ...['off', 'on', 'cut', 'heal', 'hang', 'resume', 'crash', 'restart'].map((what) => ({
    weight: 1,
    arbitrary: happening(what, fc.integer({ min: 500, max: 12_000 })),
  })),
  { weight: 3, arbitrary: event },
)

function running(): World {
  const world = new World(names)
  for (const sid of guests) world.configure(sid, { requested: 'started' })
  world.run(4_000)
  return world
}

const copies = (world: World, sid: string) =>
  world.machines.filter((machine) => machine.processes.has(sid)).map((machine) => machine.name)

describe('a guest that moves live', () => {
  it('is never active twice, and runs once when the faults have ended (S4)', {
    timeout: 120_000,
  }, () => {
    let moved = 0
    fc.assert(
      fc.property(fc.array(troubled, { minLength: 4, maxLength: 18 }), (events) => {
        const world = running()
        for (const one of events) happen(world, one)
        heal(world, guests)
        world.run(40_000)
        moved += world.moved
        for (const sid of guests)
          expect({ sid, on: copies(world, sid), now: world.view.services[sid]!.status }).toEqual({
            sid,
            on: [expect.any(String)],
            now: expect.objectContaining({ state: 'started', running: true }),
          })
      }),
      { numRuns: Number(process.env.RUNS ?? 60) },
    )
    expect(moved, 'the world has to try what it is for').toBeGreaterThan(10)
  })

  it.each(fates)('goes there and back again, after a move that ended with: %s', (fate) => {
    const world = running()
    const [from, to] = [
      copies(world, 'vm:101')[0]!,
      names.find((name) => !copies(world, 'vm:101').includes(name))!,
    ]
    world.fate = fate
    const move = (target: string) =>
      happen(world, { what: 'migrate', node: names.indexOf(target), sid: 4, waitMs: 8_000 })
    move(to)
    world.fate = 'ok'
    for (const machine of world.machines)
      for (const job of machine.jobs.values()) Object.assign(job, { fate: 'fail', leftMs: 0 })
    world.run(8_000)
    if (!copies(world, 'vm:101').includes(to)) move(to)
    expect(copies(world, 'vm:101')).toEqual([to])
    move(from)
    expect(copies(world, 'vm:101')).toEqual([from])
    expect(world.view.services['vm:101']!.status).toMatchObject({
      state: 'started',
      node: from,
      running: true,
    })
    expect(world.view.commands).toEqual([])
  })

  it('that hangs is cancelled at its deadline, and stays where it is', { timeout: 60_000 }, () => {
    const world = running()
    const [from] = copies(world, 'vm:101')
    const to = names.find((name) => name !== from)!
    world.fate = 'hang'
    happen(world, { what: 'migrate', node: names.indexOf(to), sid: 4, waitMs: 10_000 })
    expect(world.view.services['vm:101']!.status).toMatchObject({
      state: 'migrate',
      node: from,
      target: to,
    })
    world.run(1_830_000)
    expect(world.view.services['vm:101']).toMatchObject({
      status: { state: 'started', node: from, running: true },
      grant: { holders: [{ node: from }] },
    })
    expect(copies(world, 'vm:101')).toEqual([from])
  })

  it('survives the restart of either agent in the middle', () => {
    for (const which of ['source', 'target']) {
      const world = running()
      const [from] = copies(world, 'vm:101')
      const to = names.find((name) => name !== from)!
      world.moveMs = 6_000
      happen(world, { what: 'migrate', node: names.indexOf(to), sid: 4, waitMs: 4_000 })
      const machine = world.machines.find(({ name }) => name === (which === 'source' ? from : to))!
      expect(world.machines.some((one) => one.jobs.size > 0)).toBe(true)
      machine.agent = newAgent()
      world.run(20_000)
      expect(copies(world, 'vm:101')).toHaveLength(1)
      expect(world.view.services['vm:101']).toMatchObject({
        status: { state: 'started', running: true },
        grant: { holders: [{ node: copies(world, 'vm:101')[0] }] },
      })
    }
  })
})
