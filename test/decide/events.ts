// What may happen to a world, as data that fast-check can draw and shrink.
import fc from 'fast-check'
import { shutdownPolicyNames } from '../../shared/settings.ts'
import { fates } from './live-half.ts'
import { askToEnd, newAgent } from './machine.ts'
import type { World } from './world.ts'

export const names = ['n1', 'n2', 'n3']
export const sids = ['process:a', 'process:b', 'process:c', 'process:d', 'vm:101', 'vm:102']

const faults = ['off', 'on', 'cut', 'heal', 'deaf', 'hang', 'resume', 'crash', 'restart'] as const
const ends = ['reboot', 'shutdown', 'policy'] as const
const arming = ['disarm freeze', 'disarm ignore', 'arm', 'by hand'] as const
const outages = ['plane down', 'plane up', 'maintenance', 'in service', 'lose history'] as const
const wishes = ['start', 'stop', 'disable', 'ignore', 'remove', 'break', 'repair', 'move'] as const

const moves = [
  'migrate',
  'guest dies',
  'client gives up',
  'peers cut',
  'peers heal',
  'fate',
] as const

/** A fault, a wish, an outage or something about live moves, and how long the world goes on after it. */
export const event = fc.oneof(
  fc.record({
    what: fc.constantFrom(...faults),
    node: fc.nat(2),
    waitMs: fc.integer({ min: 500, max: 15_000 }),
  }),
  fc.record({
    what: fc.constantFrom(...wishes),
    node: fc.nat(2),
    sid: fc.nat(5),
    waitMs: fc.integer({ min: 500, max: 6_000 }),
  }),
  fc.record({
    what: fc.constantFrom(...outages),
    node: fc.nat(2),
    waitMs: fc.integer({ min: 500, max: 20_000 }),
  }),
  fc.record({
    what: fc.constantFrom(...moves),
    node: fc.nat(2),
    sid: fc.integer({ min: 4, max: 5 }),
    waitMs: fc.integer({ min: 500, max: 6_000 }),
  }),
)
/** The same, with machines that go down in order, and disarmed clusters in which services are moved by hand. */
export const eventOrDisarm = fc.oneof(
  { weight: 2, arbitrary: event },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom(...ends),
      node: fc.nat(2),
      waitMs: fc.integer({ min: 500, max: 20_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom(...arming),
      node: fc.nat(2),
      sid: fc.nat(5),
      waitMs: fc.integer({ min: 500, max: 8_000 }),
    }),
  },
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
      Object.assign(machine, { isCut: false, isDeaf: false })
      break
    case 'deaf':
      machine.isDeaf = true
      break
    case 'reboot':
    case 'shutdown':
      askToEnd(world, machine, what === 'reboot')
      break
    case 'policy': {
      const shutdownPolicy = shutdownPolicyNames[waitMs % shutdownPolicyNames.length]!
      world.view = { ...world.view, settings: { ...world.view.settings, shutdownPolicy } }
      break
    }
    case 'disarm freeze':
    case 'disarm ignore':
      world.command('disarm', what === 'disarm freeze' ? 'freeze' : 'ignore')
      break
    case 'arm':
      world.command('arm', null)
      break
    case 'by hand':
      world.moveByHand(service, machine)
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
    case 'move':
      command(world, 'relocate', service, machine.name)
      break
    case 'migrate':
      command(world, 'migrate', service, machine.name)
      break
    case 'guest dies':
      for (const one of world.machines) one.processes.delete(service)
      break
    case 'client gives up':
      for (const job of machine.jobs.values()) job.client = null
      break
    case 'peers cut':
      world.arePeersCut = true
      break
    case 'peers heal':
      world.arePeersCut = false
      break
    case 'fate':
      world.fate = fates[(node + sid) % fates.length]!
      world.moveMs = waitMs
  }
  world.run(waitMs)
}

function command(world: World, kind: 'migrate' | 'relocate', sid: string, node: string): void {
  const uid = `${kind}-${world.view.nowMs}`
  const pending = {
    uid,
    kind,
    sid,
    node,
    stopTimeoutMs: null,
    status: 'pending',
    reason: '',
  } as const
  world.view = { ...world.view, commands: [...world.view.commands, pending] }
}

/** Ends every fault, and repairs what a person would repair. */
export function heal(world: World, wanted: readonly string[] = sids): void {
  world.isPlaneUp = true
  Object.assign(world, { arePeersCut: false, fate: 'ok', moveMs: 2_000 })
  for (const machine of world.machines)
    for (const job of machine.jobs.values()) if (job.fate === 'hang') job.fate = 'fail'
  world.broken.clear()
  for (const machine of world.machines) {
    Object.assign(machine, { isCut: false, isDeaf: false, isHung: false })
    if (machine.agent) machine.agent.ending = null
    if (machine.isOn) machine.agent ??= newAgent()
    else world.powerOn(machine)
  }
  const nodes = Object.entries(world.view.nodes).map(([name, node]) => [
    name,
    { ...node, maintenanceRequested: false },
  ])
  world.view = { ...world.view, nodes: Object.fromEntries(nodes) }
  world.command('arm', null)
  world.run(15_000)
  // Started by hand while the node had lost its lease: it can be said of none that it is the granted one.
  for (const { agent, processes } of world.machines)
    for (const [sid, generation] of agent?.epoch === null ? processes : [])
      if (generation === 0) processes.delete(sid)
  world.run(15_000)
  for (let turn = 0; turn < sids.length && stopWhatIsAskedFor(world); turn++) world.run(5_000)
  // A watchdog that fired meanwhile has reset its machine.
  for (const machine of world.machines) world.powerOn(machine)
  world.run(10_000)
  for (const sid of wanted) world.configure(sid, { requested: 'disabled' })
  world.run(20_000)
  for (const sid of wanted) world.configure(sid, { requested: 'started' })
}

/** A person does what the notes ask for; false: they ask for nothing. */
function stopWhatIsAskedFor({ machines, view }: World): boolean {
  let isAsked = false
  for (const { name, processes } of machines) {
    const asked = view.nodes[name]!.challenge?.waitsFor ?? ''
    const stray = [...processes.keys()].find((sid) =>
      asked.startsWith(`finds ${sid} as generation`),
    )
    if (stray === undefined || !asked.endsWith('stop it there by hand')) continue
    processes.delete(stray)
    isAsked = true
  }
  return isAsked
}
