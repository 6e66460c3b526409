// Safety and convergence of the decision under random faults: at no moment does a service run twice, and when the
// faults end every wanted service runs, once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { event, happen, names, sids } from './events.ts'
import { newAgent } from './machine.ts'
import { World } from './world.ts'

/** Ends every fault, and repairs what a person would repair. */
function heal(world: World): void {
  world.isPlaneUp = true
  world.broken.clear()
  for (const machine of world.machines) {
    Object.assign(machine, { isCut: false, isHung: false })
    if (machine.isOn) machine.agent ??= newAgent()
    else world.powerOn(machine)
  }
  const nodes = Object.entries(world.view.nodes).map(([name, node]) => [
    name,
    { ...node, maintenanceRequested: false },
  ])
  world.view = { ...world.view, nodes: Object.fromEntries(nodes) }
  world.run(30_000)
  // A watchdog that fired meanwhile has reset its machine.
  for (const machine of world.machines) world.powerOn(machine)
  world.run(10_000)
  for (const sid of sids) world.configure(sid, { requested: 'disabled' })
  world.run(20_000)
  for (const sid of sids) world.configure(sid, { requested: 'started' })
}

describe('a cluster under random faults', () => {
  it('starts every service once on a healthy fleet', () => {
    const world = new World(names)
    for (const sid of sids) world.configure(sid, { requested: 'started' })
    world.run(10_000)
    expect(world.machines.map((machine) => machine.processes.size).sort((a, b) => a - b)).toEqual([
      1, 1, 2,
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
    expect(sids.map((sid) => world.view.services[sid]!.grant)).toEqual([null, null, null, null])
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

  it('never runs a service twice, and runs each of them once when the faults have ended', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
        const world = new World(names)
        for (const sid of sids) world.configure(sid, { requested: 'started' })
        world.run(5_000)
        for (const one of events) happen(world, one)
        heal(world)
        world.run(40_000)
        for (const sid of sids) {
          const copies = world.machines.filter((machine) => machine.processes.has(sid)).length
          expect({ sid, copies, status: world.view.services[sid]!.status }).toMatchObject({
            sid,
            copies: 1,
          })
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 40) },
    )
  })
})
