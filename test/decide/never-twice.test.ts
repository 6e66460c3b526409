// Safety and convergence of the decision under random faults: at no moment does a service run twice, and when the
// faults end every wanted service runs, once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAgent, World } from './world.ts'

const names = ['n1', 'n2', 'n3']
const sids = ['process:a', 'process:b', 'process:c', 'process:d']

const faults = ['off', 'on', 'cut', 'heal', 'hang', 'resume', 'crash', 'restart'] as const
const wishes = ['start', 'stop', 'disable', 'ignore', 'remove', 'break', 'repair', 'move'] as const

const event = fc.oneof(
  fc.record({
    what: fc.constantFrom(...faults),
    node: fc.nat(2),
    waitMs: fc.integer({ min: 500, max: 15_000 }),
  }),
  fc.record({
    what: fc.constantFrom(...wishes),
    node: fc.nat(2),
    sid: fc.nat(3),
    waitMs: fc.integer({ min: 500, max: 6_000 }),
  }),
  fc.record({
    what: fc.constantFrom('plane down', 'plane up', 'maintenance', 'in service'),
    node: fc.nat(2),
    waitMs: fc.integer({ min: 500, max: 20_000 }),
  }),
)
type Event = { what: string; node: number; sid?: number; waitMs: number }

function happen(world: World, { what, node, sid = 0, waitMs }: Event): void {
  const machine = world.machines[node]!
  const service = sids[sid]!
  switch (what) {
    case 'off':
      world.powerOff(machine)
      break
    case 'on':
      world.powerOn(machine)
      break
    case 'cut':
      machine.isCut = true
      break
    case 'heal':
      machine.isCut = false
      break
    case 'hang':
      machine.isHung = true
      break
    case 'resume':
      machine.isHung = false
      break
    case 'crash':
      machine.agent = null
      break
    case 'restart':
      if (machine.isOn) machine.agent = newAgent()
      break
    case 'plane down':
      world.isPlaneUp = false
      break
    case 'plane up':
      world.isPlaneUp = true
      break
    case 'start':
      world.configure(service, { requested: 'started' })
      break
    case 'stop':
      world.configure(service, { requested: 'stopped' })
      break
    case 'disable':
      world.configure(service, { requested: 'disabled' })
      break
    case 'ignore':
      world.configure(service, { requested: 'ignored' })
      break
    case 'remove':
      world.remove(service)
      break
    case 'break':
      world.broken.add(node === 0 ? service : `${service}@${machine.name}`)
      break
    case 'repair':
      world.broken.clear()
      break
    case 'maintenance':
    case 'in service': {
      const known = world.view.nodes[machine.name]!
      const changed = { ...known, maintenanceRequested: what === 'maintenance' }
      world.view = { ...world.view, nodes: { ...world.view.nodes, [machine.name]: changed } }
      break
    }
    case 'move': {
      const uid = `move-${world.view.nowMs}`
      const command = {
        uid,
        kind: 'relocate',
        sid: service,
        node: machine.name,
        stopTimeoutMs: null,
        status: 'pending',
        reason: '',
      } as const
      world.view = { ...world.view, commands: [...world.view.commands, command] }
    }
  }
  world.run(waitMs)
}

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
  for (const sid of sids) world.configure(sid, { requested: 'disabled' })
  world.run(20_000)
  for (const sid of sids) world.configure(sid, { requested: 'started' })
}

describe('a cluster under random faults', () => {
  it('starts every service once on a healthy fleet', () => {
    const world = new World(names)
    for (const sid of sids) world.configure(sid, { requested: 'started' })
    world.run(10_000)
    expect(world.machines.map((machine) => machine.processes.size).sort()).toEqual([1, 1, 2])
  })

  it('never runs a service twice, and runs each of them once when the faults have ended', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
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
      { numRuns: Number(process.env.RUNS ?? 60) },
    )
  })
})
