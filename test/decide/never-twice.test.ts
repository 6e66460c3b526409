// Safety and convergence of the decision under random faults: at no moment does a service run twice, and when the
// faults end every wanted service runs, once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { event, eventOrDisarm, happen, heal, names, sids } from './events.ts'
import { World } from './world.ts'

/** A life of faults, then a healthy cluster: each service runs, once. */
function liveThrough(events: Parameters<typeof happen>[1][]): void {
  const world = new World(names)
  for (const sid of sids) world.configure(sid, { requested: 'started' })
  world.run(5_000)
  for (const one of events) happen(world, one)
  heal(world)
  world.run(40_000)
  for (const sid of sids) {
    const copies = world.machines.filter((machine) => machine.processes.has(sid)).length
    const { status, grant } = world.view.services[sid]!
    expect({ sid, copies, status, grant }).toMatchObject({ sid, copies: 1 })
  }
}

describe('a cluster under random faults', () => {
  it('starts every service once on a healthy fleet', () => {
    const world = new World(names)
    for (const sid of sids) world.configure(sid, { requested: 'started' })
    world.run(10_000)
    expect(world.machines.map((machine) => machine.processes.size).sort((a, b) => a - b)).toEqual([
      2, 2, 2,
    ])
  })

  it('lets run on what a lost history had started, under the number it has, and starts nothing anew', () => {
    const world = new World(names)
    for (const sid of sids) world.configure(sid, { requested: 'stopped' })
    world.run(10_000)
    for (const sid of sids) world.configure(sid, { requested: 'started' })
    world.run(2_500)
    const running = () => world.machines.map(({ processes }) => [...processes])
    const before = running()
    expect(before.flat()).toHaveLength(sids.length)
    world.loseHistory(5)
    expect(sids.map((sid) => world.view.services[sid]!.grant)).toEqual(sids.map(() => null))
    for (const sid of sids) world.configure(sid, { requested: 'started' })
    world.run(1_000)
    expect(world.view.planeEpoch.quarantineUntilMs).not.toBeNull()
    world.run(30_000)
    expect(world.view.planeEpoch.quarantineUntilMs).toBeNull()
    expect(running()).toEqual(before)
    for (const sid of sids)
      expect(world.view.services[sid]).toMatchObject({
        grant: { generation: expect.any(Number), holders: [{ confirmed: true }] },
        status: { state: 'started', running: true },
      })
  })

  it('never runs a service twice, and runs each of them once when the faults have ended', {
    timeout: 180_000,
  }, () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
        liveThrough(events)
      }),
      { numRuns: Number(process.env.RUNS ?? 40) },
    )
  })

  it('nor when it is disarmed and armed, moved by hand, and its machines reboot or shut down', () => {
    fc.assert(
      fc.property(fc.array(eventOrDisarm, { minLength: 3, maxLength: 20 }), (events) => {
        liveThrough(events)
      }),
      { numRuns: Number(process.env.RUNS ?? 60) },
    )
  })
})
