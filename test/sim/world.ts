// A whole small site in virtual time: machines with the production agent, replicas of the production plane, a database,
// operators, and what the world sees of them. `createWorld` builds it, `run` lets time pass; README.md says how to use it.
import { formatChange } from '../../control-plane/cluster/change.ts'
import type { Commit } from '../../control-plane/store/memory/database.ts'
import { auditFault } from './answers-kept.ts'
import { Behaviours } from './behaviour.ts'
import { Checks } from './checks.ts'
import { makeCluster } from './make-cluster.ts'
import { SimDatabase } from './database.ts'
import type { DriverAction } from './driver-parts.ts'
import { Fencing } from './fencing.ts'
import { JobRunner } from './job-runner.ts'
import { Machine } from './machine.ts'
import type { Operator } from './operator.ts'
import { People } from './people.ts'
import { bugIn, type OnLog } from './plane-log.ts'
import { Chance, drawnRate } from './random.ts'
import { LeaseRecorder } from './recorder.ts'
import { Replica } from './replica.ts'
import { Scheduler } from './scheduler.ts'
import { stackOf, Trace } from './trace.ts'
import { deviceKinds } from './watchdog.ts'
import type { AgentAction, CommittedChange, NodeSpec, WorldOptions } from './world-options.ts'

const clusterId = 1
const violated = new Error('violated')

export class World {
  readonly scheduler = new Scheduler()
  readonly chance: Chance
  readonly database: SimDatabase
  readonly replicas: Replica[]
  readonly machines: Machine[]
  /** At a console: what it asks is answered before anything else happens. */
  readonly operator: Operator
  /** Over a network, as people are. */
  readonly remote: People['fromAfar']
  /** The plane is told of the fence devices of a machine. */
  readonly setUpFencing: (name: string) => void
  readonly behaviours: Behaviours
  readonly checks: Checks
  readonly trace: Trace
  /** Every change a round committed, in order. */
  onChange: ((change: CommittedChange) => void)[] = []
  /** Every start and stop (and move) that an agent's driver answered. */
  onAction: ((action: AgentAction) => void)[] = []
  /** Services that a random operator thinks of. */
  sids: string[] = []
  /** Probability that a doorbell between replicas is lost. */
  lostDoorbells = 0
  readonly fencing = new Fencing()
  readonly jobs: JobRunner
  private readonly recorder = new LeaseRecorder(this.scheduler.tally)
  private readonly readsGates: boolean

  constructor(options: WorldOptions) {
    const { scheduler } = this
    this.chance = new Chance(options.seed ?? '1')
    this.readsGates = options.readsGates ?? false
    this.trace = new Trace(scheduler, options.keepTrace ?? false)
    this.behaviours = new Behaviours(this.chance.stream('behaviour'), scheduler.tally)
    this.database = new SimDatabase(scheduler, this.chance.stream('database'))
    const joinToken = makeCluster(this.database.memory, clusterId, this.chance, options)
    this.replicas = Array.from({ length: options.replicas ?? 2 }, (_, at) =>
      this.makeReplica(`r${at + 1}`),
    )
    this.machines = options.nodes.map((node) =>
      this.makeMachine(typeof node === 'string' ? { name: node } : node, joinToken),
    )
    this.jobs = new JobRunner(scheduler, this.replicas, this.chance.stream('jobs'))
    this.checks = new Checks({
      ...{ machines: this.machines, database: this.database, clusterId, recorder: this.recorder },
      ...{ nowMs: () => scheduler.nowMs, tally: scheduler.tally },
    })
    const onLog: OnLog = (_, ...said) => {
      const bug = bugIn('console', ...said)
      if (bug) this.checks.violate(bug)
    }
    const { chance, database, replicas } = this
    const onFault = (fault: string) => this.checks.violate(fault)
    const parts = { scheduler, database, replicas, clusterId, chance, onLog, onFault }
    const people = new People(parts)
    this.operator = people.atConsole
    this.remote = people.fromAfar
    this.setUpFencing = (name) => this.fencing.setUp(database, people.numbers, name)
    this.database.memory.onCommit = (commit) => this.onCommit(commit)
    this.database.onFailover = (lost) => {
      this.trace.say('database', 'failed over')
      this.checks.onFailover(lost)
    }
    this.database.onReturn = () => {
      this.trace.say('database', 'answers again')
      for (const replica of this.replicas) this.later(() => replica.lookAtAll(), 300)
    }
    for (const replica of this.replicas) replica.start()
    for (const [at, machine] of this.machines.entries()) {
      const node = options.nodes[at]!
      if (typeof node === 'string' || node.isOn !== false) machine.powerOn()
    }
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }
  node(name: string): Machine {
    const machine = this.machines.find((one) => one.name === name)
    if (!machine) throw new Error(`no node ${name}`)
    return machine
  }

  /** Does something at a moment of the world, in milliseconds since it began. */
  at(atMs: number, act: () => void): void {
    this.scheduler.at(atMs, act)
  }

  /** Lets time pass; ends early at the first violation. */
  async run(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    const onRejection = (error: unknown) => this.checks.violate(`rejected: ${stackOf(error)}`)
    process.on('unhandledRejection', onRejection)
    try {
      await this.scheduler.run(untilMs, () => {
        this.checks.afterEvent()
        if (this.checks.violations.length > 0) throw violated
      })
    } catch (error) {
      if (error !== violated) throw error
    } finally {
      process.off('unhandledRejection', onRejection)
    }
  }

  /** What really runs, and where. */
  running(): Record<string, string> {
    const all: Record<string, string> = {}
    for (const machine of this.machines)
      for (const sid of machine.guests.running.keys()) all[sid] = machine.name
    return all
  }

  private later(act: () => void, mostMs: number): void {
    this.scheduler.after(this.chance.between(0, mostMs), act)
  }

  private makeReplica(name: string): Replica {
    const chance = this.chance.stream(name)
    return new Replica({
      ...{ name, scheduler: this.scheduler, database: this.database, chance },
      rate: drawnRate(chance),
      openDevice: (device) => this.fencing.open(device),
      switchOnLater: (name) => this.jobs.switchOnLater(name),
      onLog: (level, facts, message) => this.onPlaneLog(name, level, facts, message),
    })
  }

  private makeMachine(node: NodeSpec, joinToken: string): Machine {
    const { scheduler } = this
    const chance = this.chance.stream(node.name)
    const { cpus = 8, memoryBytes = 16e9, bootMs = 2_000 } = node
    const machine = new Machine(
      {
        ...{ name: node.name, scheduler, chance, joinToken, bootMs },
        replicas: this.replicas,
        readsGates: this.readsGates,
        device: deviceKinds[node.device ?? 'i6300esb'],
        virtual: node.virtual ?? false,
        hasRtc: node.hasRtc ?? node.virtual ?? false,
        drivers: node.drivers ?? ['process'],
        capacity: { cpus, memoryBytes },
        behaviour: this.behaviours.of(node.name),
        hostOf: (name) => {
          const machine = this.machines.find((one) => one.name === name)
          return machine?.isOn ? machine.guests : undefined
        },
        hasPower: () => this.fencing.hasPower(node.name),
        rate: node.rate ?? drawnRate(chance),
      },
      {
        onAction: (machine, action) => this.onDriverAction(machine, action),
        onTouch: (machine, sid, what) => {
          if (what === 'migrate') scheduler.tally.note('live moves begun')
          this.checks.onTouch(machine, sid, what)
          if (this.readsGates && what === 'start') this.checks.beforeStart(machine, sid)
        },
        onExchange: (machine, exchange) => this.recorder.watch(machine, exchange),
        onFeedAllowed: (machine) => this.recorder.allowed(machine),
        onFeed: (machine, cause) => {
          if (cause === 'close') scheduler.tally.note('feeds by an unclean close')
          const fault = cause === 'close' ? null : this.recorder.judgeFeed(machine)
          if (fault) this.checks.violate(fault)
        },
        onGuest: (machine, guest, isStart) => {
          const how = isStart ? 'starts' : 'is gone'
          this.trace.say(machine.name, `${guest.sid} ${how} as ${guest.generation}`)
          if (isStart) this.checks.onStart(machine, guest)
        },
        onPower: (machine, isOn, why) =>
          this.trace.say(machine.name, `${isOn ? 'on' : 'off'}: ${why}`),
        onAgent: (machine, what) => this.trace.say(machine.name, `agent ${what}`),
        onLog: (machine, level, message, facts) =>
          this.trace.say(`${machine.name} agent`, `${message} ${JSON.stringify(facts)}`, level),
        onThrow: (machine, error) =>
          this.checks.violate(`the agent of ${machine.name} threw: ${stackOf(error)}`),
      },
    )
    this.fencing.add(machine, node.fenceDevices ?? 0, this.chance, () =>
      this.checks.onSwitchOn(node.name),
    )
    return machine
  }

  private onDriverAction(machine: Machine, action: DriverAction): void {
    const { action: what, sid, outcome } = action
    this.trace.say(machine.name, `${what} ${sid}: ${outcome}`)
    for (const tell of this.onAction) tell({ ...action, atMs: this.nowMs, node: machine.name })
  }

  private onCommit(commit: Commit): void {
    this.database.remember()
    const { round, operators } = this.database.memory.cluster(clusterId)
    const written = operators.audit.at(-1)
    const fault = written ? auditFault(written) : null
    if (fault) this.checks.violate(fault)
    for (const change of commit.changes) {
      this.trace.say(`round ${round}`, formatChange(change))
      for (const tell of this.onChange) tell({ atMs: this.nowMs, round, change })
    }
    this.checks.onCommit(commit.changes)
    this.jobs.take(commit.clusterId, commit.jobs)
    if (commit.rings.includes('crm')) this.ringReplicas()
    if (commit.nodes.length === 0) return
    for (const replica of this.replicas) this.unlessLost(() => replica.wake(commit.nodes))
  }

  private ringReplicas(): void {
    for (const replica of this.replicas) this.unlessLost(() => replica.ring(clusterId))
  }

  private unlessLost(ring: () => void): void {
    if (this.chance.chance(this.lostDoorbells)) this.scheduler.tally.note('lostDoorbells')
    else this.later(ring, 2)
  }

  private onPlaneLog(name: string, level: string, facts: unknown, message: string): void {
    const { result } = facts as { result?: { kind: string } }
    if (result?.kind === 'again') this.scheduler.tally.note('rounds that lost a race')
    if (level === 'debug') return
    const bug = bugIn(name, facts, message)
    if (bug) this.checks.violate(bug)
    const error = (facts as { err?: Error } | null)?.err
    if (level === 'warn' || level === 'error')
      this.trace.say(name, `${message} ${error?.message ?? ''}`, level)
  }
}

/** Builds a world; nothing happens in it before `run`. */
export function createWorld(options: WorldOptions): World {
  return new World(options)
}
