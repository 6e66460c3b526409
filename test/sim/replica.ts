// One replica of the plane: the production engine, renewals and agent routes, over the simulated database. It can be
// killed, stand still, and be started again as a new process.
import { Hono } from 'hono'
import type { HttpReply } from '../../agent/http-transport.ts'
import { Engine } from '../../control-plane/crm/engine.ts'
import type { FenceDevice } from '../../control-plane/fence/fence-device.ts'
import { fenceNode } from '../../control-plane/fence/fence-node.ts'
import { switchOnNode } from '../../control-plane/fence/switch-on.ts'
import type { OrderName, StoredDevice } from '../../control-plane/fence/fence-store.ts'
import { type AgentRouteDeps, agentRoutes } from '../../control-plane/http/routes/agent.ts'
import { type ClockPair, ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { DesiredPolls } from '../../control-plane/lease/desired-polls.ts'
import { Renewals } from '../../control-plane/lease/renewals.ts'
import { HealthReports, UsageReports } from '../../control-plane/lease/usage-reports.ts'
import { memoryFenceStore } from '../../control-plane/store/memory/fence.ts'
import { memoryRoundStore } from '../../control-plane/store/memory/rounds.ts'
import { memoryAgentStore, memoryLane } from '../../control-plane/store/memory/stores.ts'
import type { SimDatabase } from './database.ts'
import { answer } from './in-process.ts'
import type { Exchange } from './link.ts'
import { operatorApi } from './operator-api.ts'
import { type OnLog, planeLogger } from './plane-log.ts'
import { HostClock, Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** As the plane's own (control-plane/plane.ts). */
const deadlineMs = 2_500
/** Doorbells and timers bring nearly every round; looking is for those that were lost. */
const lookMs = 3_000
/** How often a pair of clocks is kept for a successor on the same host (control-plane/lease/clock-pairs.ts). */
const keepPairMs = 5_000
const keptPairs = 120

export type ReplicaOptions = {
  name: string
  scheduler: Scheduler
  database: SimDatabase
  chance: Chance
  /** Rate and origin of its host's clock. */
  rate: number
  /** Whatever production code logs. */
  onLog: OnLog
  /** The fence device of a node, by what operators set up. */
  openDevice: (device: StoredDevice) => FenceDevice
  /** A job for some replica. */
  switchOnLater: (name: OrderName) => void
}

type Running = {
  process: Process
  appFor: (url: string) => Hono
  engine: Engine
  polls: DesiredPolls
  fence: (name: OrderName) => Promise<void>
  switchOn: (name: OrderName) => Promise<void>
}

export class Replica {
  readonly name: string
  readonly url: string
  private readonly options: ReplicaOptions
  private readonly clock: HostClock
  /** Trips and numbers of operators: they change nothing of what chance has in store for others. */
  private readonly operators: Chance
  private running: Running | null = null
  /** Pairs of clocks that outlive the process, as the host's clock does. */
  private readonly kept: ClockPair[] = []
  private open = new Set<(error: Error) => void>()

  constructor(options: ReplicaOptions) {
    this.options = options
    this.name = options.name
    this.url = `http://${options.name}.sim`
    const { scheduler, rate, chance } = options
    this.clock = new HostClock(scheduler, rate, chance.between(1_000, 100_000_000))
    this.operators = chance.stream('operators')
  }

  get isUp(): boolean {
    return this.running !== null
  }

  get process(): Process | null {
    return this.running?.process ?? null
  }

  start(): void {
    if (this.running) return
    const { scheduler, database, chance, name } = this.options
    const process = new Process(scheduler, this.clock)
    const { clock, timers } = process
    const access = database.access(process, name)
    const { memory } = database
    const log = planeLogger(this.options.onLog)
    const witness = new ClockWitness()
    for (const pair of this.kept) witness.observe(pair)
    this.keepPairs(process, witness)
    const polls = new DesiredPolls(20_000, timers)
    const store = memoryRoundStore(memory, access)
    const engine: Engine = new Engine({
      ...{ store, timers, witness, clock, random: chance, log, replica: name },
      wakeNodes: (uids) => polls.wake(uids),
      roundDeadlineMs: deadlineMs,
      lookMs,
    })
    const ring = (clusterId: number) => engine.ring(clusterId)
    const renewals = new Renewals({
      openLane: () => memoryLane(memory, access),
      ...{ clock, timers, witness, log, ring, deadlineMs },
    })
    const usage = new UsageReports({
      write: (rows) => access.trip(() => this.options.database.memory.noteUsage(rows)),
      ...{ timers, log },
    })
    const health = new HealthReports({
      // Without the chance of a trip: what it is written for waits for nothing else here.
      write: async (rows) => {
        if (database.isAnswering) memory.noteHealth(rows)
      },
      ...{ timers, log },
    })
    const told: AgentRouteDeps['health'] = {
      note: (node, one) => health.note(node.clusterId, node.nodeUid, one),
    }
    const agents = memoryAgentStore(memory, chance, access)
    const app = new Hono()
    app.route(
      '/agent/v1',
      agentRoutes({
        ...{ store: agents, clock, log, renewals, polls, usage, health: told, ring },
        // In one breath: nothing else happens in the world meanwhile.
        breathe: async () => {},
      }),
    )
    const fencing = {
      store: memoryFenceStore(memory, access),
      open: this.options.openDevice,
      ...{ clock, timers, log, ring },
      switchOnLater: async (name: OrderName) => this.options.switchOnLater(name),
    }
    const switchOn = (name: OrderName) => switchOnNode(fencing, name)
    const fence = (name: OrderName) => fenceNode(fencing, name)
    const random = this.operators
    const theirs = { random, access: database.access(process, name, random) }
    let operators: Hono | null = null
    const api = () => {
      // Rarely asked, and much to build.
      operators ??= operatorApi({ ...{ database: memory, clock, log, ring, name }, ...theirs })
      return operators
    }
    const appFor = (url: string) => (url.includes('/api/') ? api() : app)
    this.running = { process, appFor, engine, polls, fence, switchOn }
    engine.start()
  }

  /** The process is gone, its connections are reset. */
  kill(): void {
    const { running } = this
    if (!running) return
    this.running = null
    running.process.kill()
    for (const reset of this.open) reset(new Error('ECONNRESET'))
    this.open.clear()
  }

  /** A doorbell: a round of this cluster. */
  ring(clusterId: number): void {
    this.do(({ engine }) => engine.ring(clusterId))
  }

  /** A job: this order is to be carried out. What fails is ordered again. */
  fence(name: OrderName): void {
    this.do(({ fence }) => void fence(name).catch(() => {}))
  }

  /** A job: what this order has switched off is to be switched on again. `onFailed`: it is to be tried again. */
  switchOn(name: OrderName, onFailed: () => void): void {
    this.do(({ switchOn }) => void switchOn(name).catch(onFailed))
  }

  wake(nodeUids: string[]): void {
    this.do(({ polls }) => polls.wake(nodeUids))
  }

  /** Its connection to the database is there again, and may have missed doorbells. */
  lookAtAll(): void {
    this.do(({ engine, polls }) => {
      engine.ringAll()
      polls.wakeAll()
    })
  }

  private keepPairs({ timers }: Process, witness: ClockWitness): void {
    const keep = () => {
      const pair = this.options.database.isAnswering ? witness.newestExact() : null
      if (pair)
        this.kept.push({ databaseMs: Math.round(pair.databaseMs), bootMs: Math.round(pair.bootMs) })
      if (this.kept.length > keptPairs) this.kept.shift()
      timers.set(keep, keepPairMs)
    }
    timers.set(keep, keepPairMs)
  }

  private do(act: (running: Running) => void): void {
    const { running } = this
    running?.process.do(() => act(running))
  }

  /** Answers one request, unless this process dies before. */
  serve(exchange: Exchange, give: (reply: HttpReply | Error) => void): void {
    const { running } = this
    if (!running) return give(new Error('ECONNREFUSED'))
    const reset = (error: Error) => give(error)
    this.open.add(reset)
    const { process, appFor } = running
    const { method, url, body, credential } = exchange.question
    const headers: Record<string, string> = {}
    if (credential) headers.authorization = `Bearer ${credential}`
    if (body !== null) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body))
    }
    Object.assign(headers, exchange.question.headers)
    const gone = new AbortController()
    exchange.onAbort = () => process.do(() => gone.abort('nobody waits'))
    process.do(
      () =>
        void answer(appFor(url), { method, url, headers, body, signal: gone.signal }).then(
          (reply) =>
            process.do(() => {
              if (this.open.delete(reset)) give(reply)
            }),
        ),
    )
  }
}
