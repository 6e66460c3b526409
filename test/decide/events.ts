// What may happen to a world, as data that fast-check can draw and shrink.
import fc from 'fast-check'
import { newAgent } from './machine.ts'
import type { World } from './world.ts'

export const names = ['n1', 'n2', 'n3']
export const sids = ['process:a', 'process:b', 'process:c', 'process:d']

const faults = ['off', 'on', 'cut', 'heal', 'hang', 'resume', 'crash', 'restart'] as const
const outages = ['plane down', 'plane up', 'maintenance', 'in service', 'lose history'] as const
const wishes = ['start', 'stop', 'disable', 'ignore', 'remove', 'break', 'repair', 'move'] as const

/** A fault, a wish, or an outage, and how long the world goes on after it. */
export const event = fc.oneof(
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
    what: fc.constantFrom(...outages),
    node: fc.nat(2),
    waitMs: fc.integer({ min: 500, max: 20_000 }),
  }),
)
export type Event = { what: string; node: number; sid?: number; waitMs: number }

/** Lets `event` happen in `world`. */
export function happen(world: World, { what, node, sid = 0, waitMs }: Event): void {
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
    case 'lose history':
      world.loseHistory(Math.round(waitMs / 1_000))
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
