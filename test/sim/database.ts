// The database of a world: the memory store on a host of its own, with what happens to databases. It stalls, restarts,
// fails over with or without its last commits, loses answers after the commit, and its clock steps.
import {
  MemoryDatabase,
  type MemoryTransaction,
} from '../../control-plane/store/memory/database.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import type { Access } from '../../control-plane/store/memory/stores.ts'
import type { DatabaseFaults, Snapshot } from './database-parts.ts'
import { connectionReset, serializationFailure, withCode } from './database-parts.ts'
import { worldBeganMs, type Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import { noteLost } from './tally.ts'

/** As lock_timeout and idle_in_transaction_session_timeout are set by the plane. */
const lockTimeoutMs = 1_000
const idleTimeoutMs = 1_000
/** How far back a failover may lose commits. */
const rememberedMs = 20_000

/** Who asks, and whose chance it is how that goes. */
type Way = { process: Process; replica: string; chance: Chance }

export class SimDatabase {
  readonly memory: MemoryDatabase
  faults: DatabaseFaults = { lostAnswers: 0, conflicts: 0 }
  /** One way, milliseconds. */
  latencyMs: [number, number] = [0.1, 0.4]
  /** The rate of its clock, and how far that was stepped. */
  rate = 1
  isUp = true
  /** A new history was begun from an older state; `lost` is the state that is no more. */
  onFailover: (lost: Record<number, ClusterState>) => void = () => {}
  /** Told of each statement of a round that was carried out, before whoever asked for it is: whose it was. */
  readonly onStatement = new Set<(replica: string) => void>()
  /** Connections were lost and are there again. */
  onReturn: () => void = () => {}
  private readonly scheduler: Scheduler
  private readonly chance: Chance
  private stepMs = 0
  private stalled: (() => void)[] | null = null
  /** Connections of before a restart are dead. */
  private connections = 0
  private snapshots: Snapshot[] = []
  /** Replicas that do not reach it, each with what its clients will hear when they do again. */
  private readonly cut = new Map<string, (() => void)[]>()
  /** The transaction of each one's round, and how many of its statements were done. */
  private readonly rounds = new Map<Process, { transaction: MemoryTransaction; done: number }>()
  private starts = 1

  constructor(scheduler: Scheduler, chance: Chance) {
    this.scheduler = scheduler
    this.chance = chance
    const server = { systemId: 'system-1', timeline: '00000001', postmasterStart: 'start-1' }
    this.memory = new MemoryDatabase(() => this.nowMs(), server)
  }

  get isAnswering(): boolean {
    return this.isUp && this.stalled === null
  }

  nowMs(): number {
    return worldBeganMs + this.stepMs + this.scheduler.nowMs * this.rate
  }

  /** Remembers what is committed now; called after each commit. */
  remember(): void {
    const { nowMs } = this.scheduler
    this.snapshots.push({ atMs: nowMs, clusters: this.memory.clusters })
    while (this.snapshots.length > 1 && this.snapshots[1]!.atMs < nowMs - rememberedMs)
      this.snapshots.shift()
  }

  /** Nothing is answered for so long; nothing is lost. */
  stall(ms: number): void {
    if (this.stalled || !this.isUp) return
    this.stalled = []
    this.scheduler.after(ms, () => this.goOn())
  }

  private goOn(): void {
    const waiting = this.stalled ?? []
    this.stalled = null
    for (const go of waiting) go()
  }

  /** The same server again after `downMs`, with everything it had committed. */
  restart(downMs: number): void {
    this.goDown(downMs, () => {})
  }

  /** A standby takes over after `downMs`; the commits of the last `lossMs` are lost. */
  failOver(downMs: number, lossMs: number): void {
    const atMs = this.scheduler.nowMs - lossMs
    const kept = this.snapshots.findLast((snapshot) => snapshot.atMs <= atMs)
    this.goDown(downMs, () => {
      const lost = this.memory.clusters
      if (kept) this.memory.clusters = kept.clusters
      const timeline = String(Number(this.memory.server.timeline) + 1).padStart(8, '0')
      this.memory.server = { ...this.memory.server, timeline }
      this.snapshots = []
      noteLost(this.scheduler.tally, lost, this.memory.clusters)
      this.onFailover(lost)
    })
  }

  /** What this replica asks, or is answered, is lost on the way; its connections are reset when it is back. */
  cutOff(replica: string): void {
    if (!this.cut.has(replica)) this.cut.set(replica, [])
  }

  reconnect(replica: string): void {
    const waiting = this.cut.get(replica) ?? []
    this.cut.delete(replica)
    for (const reset of waiting) reset()
  }

  /** The clock jumps. */
  step(ms: number): void {
    this.stepMs += ms
  }

  private goDown(downMs: number, change: () => void): void {
    if (!this.isUp) return
    this.isUp = false
    this.connections += 1
    this.goOn()
    this.memory.abortAll()
    this.scheduler.after(downMs, () => {
      this.starts += 1
      this.memory.server = { ...this.memory.server, postmasterStart: `start-${this.starts}` }
      change()
      this.isUp = true
      this.onReturn()
    })
  }

  /** The way of one replica to the database. */
  access(process: Process, replica = '', chance = this.chance): Access {
    const way = { process, replica, chance }
    const trip: Access['trip'] = (work) => this.trip(way, work, false)
    return {
      trip,
      untilFree: (clusterId, uids) => this.untilFree(process, clusterId, uids),
      within: (transaction) => this.within(way, transaction),
    }
  }

  private trip<T>(
    { process, replica, chance }: Way,
    work: () => T,
    mayConflict: boolean,
  ): Promise<T> {
    const delayMs = () => chance.between(...this.latencyMs)
    return new Promise((resolve, reject) => {
      const reset = () => process.do(() => reject(connectionReset()))
      const answer = (connection: number, settle: () => void) =>
        this.scheduler.after(delayMs(), () => {
          const lost = this.cut.get(replica)
          if (lost) return void lost.push(reset)
          return process.do(() =>
            connection === this.connections
              ? settle()
              : reject(withCode('connection closed', 'CONNECTION_CLOSED')),
          )
        })
      const arrive = () => {
        const lost = this.cut.get(replica)
        if (lost) return void lost.push(reset)
        const connection = this.connections
        if (!this.isUp)
          return answer(connection, () => reject(withCode('connection refused', 'ECONNREFUSED')))
        if (this.stalled) return this.stalled.push(arrive)
        if (!process.isAlive) return
        const { lostAnswers, conflicts } = this.faults
        if (mayConflict && chance.chance(conflicts)) {
          this.scheduler.tally.note('conflicts')
          return answer(connection, () => reject(serializationFailure()))
        }
        let result: T
        try {
          result = work()
        } catch (error) {
          return answer(connection, () => reject(error as Error))
        }
        if (chance.chance(lostAnswers)) {
          this.scheduler.tally.note('lostAnswers')
          return answer(connection, () => reject(connectionReset()))
        }
        return answer(connection, () => resolve(result))
      }
      // What is done there is done by the database alone.
      process.do(() => this.scheduler.quietlyAfter(delayMs(), arrive))
    })
  }

  private untilFree(process: Process, clusterId: number, uids: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let leave = () => {}
      const deadline = this.scheduler.after(lockTimeoutMs, () => {
        leave()
        process.do(() => reject(withCode('canceling statement due to lock timeout', '55P03')))
      })
      leave = this.memory.whenFree(clusterId, uids, () => {
        this.scheduler.cancel(deadline)
        this.scheduler.after(0, () => process.do(resolve))
      })
    })
  }

  /** Has it a transaction of a round open now? */
  isInRound(process: Process): boolean {
    return this.rounds.get(process)?.transaction.isOpen ?? false
  }

  /** Has its round taken its number and read the cluster, and written nothing yet? */
  hasRead(process: Process): boolean {
    return this.isInRound(process) && this.rounds.get(process)?.done === 2
  }

  /** Statements of one transaction; a client that says nothing for long, or dies, has its transaction ended. */
  private within(way: Way, transaction: MemoryTransaction): Access['trip'] {
    const { process } = way
    const round = { transaction, done: 0 }
    if (transaction.isRound) this.rounds.set(process, round)
    let lastMs = this.scheduler.nowMs
    const look = () => {
      if (!transaction.isOpen) return
      const idleMs = this.scheduler.nowMs - lastMs
      if (process.isAlive && idleMs >= idleTimeoutMs && transaction.isRound)
        this.scheduler.tally.note('rounds ended for silence')
      if (!process.isAlive || idleMs >= idleTimeoutMs) return transaction.abort()
      this.scheduler.quietlyAfter(Math.max(1, idleTimeoutMs - idleMs), look)
    }
    this.scheduler.quietlyAfter(idleTimeoutMs, look)
    process.onDeath(() => {
      if (transaction.isRound && transaction.isOpen)
        this.scheduler.tally.note('replicas killed in a round')
      this.scheduler.after(1, () => transaction.abort())
    })
    return (work) =>
      this.trip(
        way,
        () => {
          lastMs = this.scheduler.nowMs
          round.done += 1
          const result = work()
          if (transaction.isRound) for (const tell of this.onStatement) tell(way.replica)
          return result
        },
        true,
      )
  }
}
