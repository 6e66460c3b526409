// The commands of a recorded scenario, given to the world. What they did to the reference's own parts, which have no equal
// here (its daemons, its file system, its package versions), they do to what takes their place, or to nothing.
import type { World } from '../sim/world.ts'
import { writeCommand, writeUpdate } from './history.ts'
import type { Guests } from './faults.ts'
import { sidHere } from './names.ts'
import { addService, type Stats } from './site.ts'

const mebibyte = 2 ** 20
/** From a machine's end to its next boot. */
const rebootMs = 5_000
const lookMs = 500

export class Commands {
  private readonly world: World
  private readonly stats: Stats
  private readonly guests: Guests
  /** Told of each move that is commanded. */
  onMove: (sid: string, kind: 'migrate' | 'relocate') => void = () => {}
  /** Told of each guest that was moved by hand while it was off. */
  onMovedByHand: (sid: string) => void = () => {}

  constructor(world: World, stats: Stats, guests: Guests) {
    this.world = world
    this.stats = stats
    this.guests = guests
  }

  run(command: string): void {
    const [word = '', first = '', ...rest] = command.split(' ')
    switch (word) {
      case 'power':
        return this.power(first, rest[0] === 'on')
      case 'network':
        return this.network(first, rest[0] === 'on')
      case 'crm':
        return this.crm(first, rest[0] ?? '', rest[1])
      case 'service':
        return this.service(sidHere(first), rest[0] ?? '', rest.slice(1))
      case 'shutdown':
      case 'reboot':
        return this.shutDown(first, word)
      case 'restart-lrm':
        return this.world.node(first).signal('restart')
      case 'cfs':
        return this.fileSystem(first, rest[1] === 'work')
      case 'delay':
      case 'skip-round':
      case 'pve-manager-version':
        return
      default:
        throw new Error(`unknown command: ${command}`)
    }
  }

  private power(name: string, isOn: boolean): void {
    const machine = this.world.node(name)
    if (!isOn) return machine.powerOff('commanded')
    machine.link.heal()
    machine.isAgentWanted = true
    machine.powerOn()
  }

  private network(name: string, isOn: boolean): void {
    const { link } = this.world.node(name)
    if (isOn) link.heal()
    else link.cut('both')
  }

  private crm(node: string, verb: string, mode = ''): void {
    const { operator } = this.world
    switch (verb) {
      case 'enable-node-maintenance':
      case 'disable-node-maintenance':
        // A request that makes no sense now is refused, as the reference's manager does.
        void operator.maintenance(node, verb.startsWith('enable'))
        return
      case 'disarm-ha':
        void operator.disarm(mode as 'freeze' | 'ignore')
        return
      case 'arm-ha':
        void operator.arm()
        return
      // The daemon of one node: here the plane decides, and has no part there.
      case 'start':
      case 'stop':
        return
      default:
        throw new Error(`unknown command: crm ${verb}`)
    }
  }

  /** The agent is told, does what the policy says, and ends; then the machine goes down. */
  private shutDown(name: string, how: 'shutdown' | 'reboot'): void {
    const machine = this.world.node(name)
    machine.isAgentWanted = false
    machine.signal(how)
    const look = () => {
      if (!machine.isOn) return
      if (machine.agent !== null) return void this.world.at(this.world.nowMs + lookMs, look)
      machine.isAgentWanted = true
      machine.powerOff(how, how === 'reboot' ? rebootMs : null)
      if (how === 'shutdown') machine.link.cut('both')
    }
    look()
  }

  /** Nothing can be read there, as if no order arrived; leases are renewed all the same. */
  private fileSystem(name: string, works: boolean): void {
    this.world.node(name).link.deafTo = works ? null : '/agent/v1/desired'
  }

  private service(sid: string, verb: string, rest: string[]): void {
    const { world } = this
    switch (verb) {
      case 'started':
      case 'stopped':
      case 'disabled':
      case 'ignored':
        writeUpdate(world, sid, { requested: verb })
        return
      case 'migrate':
      case 'relocate':
        this.onMove(sid, verb)
        writeCommand(world, verb, sid, { node: rest[0]! })
        return
      case 'stop':
        writeCommand(world, 'stop', sid, { stopTimeoutMs: Number(rest[0]) * 1000 })
        return
      case 'add':
        return this.add(sid, rest[0]!, rest[1] ?? 'started', Number(rest[2] ?? 0) === 1)
      case 'delete':
        writeCommand(world, 'remove', sid, {})
        return
      case 'lock':
        this.guests.locks.set(sid, rest[0] ?? 'backup')
        return
      case 'unlock':
        this.guests.locks.delete(sid)
        return
      case 'manual-migrate':
        return this.moveByHand(sid, rest[0]!)
      case 'set-static-stats':
        return this.setStatic(sid, figuresIn(rest, 'maxcpu', 'maxmem'))
      case 'set-dynamic-stats': {
        const now = this.stats.dynamicOf(sid)
        this.stats.dynamic.set(sid, { ...now, ...figuresIn(rest, 'cpu', 'mem') })
        return
      }
      default:
        throw new Error(`unknown command: service ${verb}`)
    }
  }

  private setStatic(sid: string, figures: Partial<{ cpus: number; memoryBytes: number }>): void {
    const next = { ...this.stats.staticOf(sid), ...figures }
    this.stats.static.set(sid, next)
    writeUpdate(this.world, sid, { figures: next })
  }

  private add(sid: string, node: string, state: string, isRunning: boolean): void {
    const { guests } = this.world.node(node)
    const startedMs = this.world.nowMs
    if (isRunning && !guests.running.has(sid))
      guests.running.set(sid, { sid, generation: 0, state: 'running', startedMs })
    addService(this.world, sid, this.stats, { node, state })
  }

  /** Moved behind the manager's back: if it runs, it goes on running, elsewhere. */
  private moveByHand(sid: string, to: string): void {
    this.guests.definedOn.set(sid, to)
    const source = this.world.machines.find((machine) => machine.guests.running.has(sid))
    const guest = source?.guests.running.get(sid)
    if (!source || !guest) return this.onMovedByHand(sid)
    source.guests.running.delete(sid)
    this.world.node(to).guests.running.set(sid, guest)
  }
}

function figuresIn(words: string[], cpu: string, memory: string) {
  const figures: { cpus?: number; memoryBytes?: number } = {}
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === cpu) figures.cpus = Number(words[i + 1])
    if (words[i] === memory) figures.memoryBytes = Number(words[i + 1]) * mebibyte
  }
  return figures
}
