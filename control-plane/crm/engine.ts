// Runs rounds for every cluster that needs one: on a doorbell, when one is due, and every few seconds regardless.
// Doorbells carry no facts; losing all of them costs latency only. At most one round of a cluster at a time here;
// other replicas do the same, and the election decides between them.
import type { Logger } from 'pino'
import type { Timer, Timers } from '../../shared/clock.ts'
import type { Metrics } from '../metrics.ts'
import { withDeadline } from '../store/deadline.ts'
import { type RoundDeps, type RoundResult, runRound } from './round.ts'

/** How often a replica looks for clusters whose round is due: with a round's own time, a takeover stays below 300 ms. */
const usualLookMs = 150
/** A round that another replica holds, or that was overtaken, is tried again after this, doubling up to `lookMs`. */
const retryMs = 5

export type EngineDeps = RoundDeps & {
  timers: Timers
  log: Logger
  /** Called after each round that changed what nodes are to do. */
  wakeNodes(uids: string[]): void
  /** How often it looks for due clusters, if not as usual. */
  lookMs?: number
  /** A hung connection is given up: the server ends the round, and this replica gets a new client. */
  roundDeadlineMs: number
  metrics?: Pick<Metrics, 'rounds' | 'changes'>
}

type ClusterState = {
  running: boolean
  rung: boolean
  seen: number
  timer: Timer | null
  /** Plans thrown away since the last round that came through. */
  thrownAway: number
}

export class Engine {
  private readonly deps: EngineDeps
  private readonly clusters = new Map<number, ClusterState>()
  private looking: Timer | null = null
  private readonly lookMs: number
  private stopped = false
  /** When the last look at the database succeeded, by CLOCK_BOOTTIME. */
  lastLookMs = Number.NEGATIVE_INFINITY

  constructor(deps: EngineDeps) {
    this.deps = deps
    this.lookMs = deps.lookMs ?? usualLookMs
  }

  start() {
    void this.look()
  }

  /** Rounds in progress end by themselves; a transaction that does not is ended by the server. */
  stop() {
    this.stopped = true
    const { timers } = this.deps
    timers.clear(this.looking)
    for (const state of this.clusters.values()) timers.clear(state.timer)
  }

  /** The doorbell: a round of `clusterId`, soon. Carries nothing else. */
  ring(clusterId: number) {
    if (this.stopped) return
    const state = this.state(clusterId)
    state.rung = true
    if (!state.running) void this.run(clusterId, state)
  }

  /** Every cluster this replica has seen, after a gap in which doorbells may have been lost. */
  ringAll() {
    for (const clusterId of this.clusters.keys()) this.ring(clusterId)
  }

  private state(clusterId: number): ClusterState {
    let state = this.clusters.get(clusterId)
    if (!state) {
      state = { running: false, rung: false, seen: -1, timer: null, thrownAway: 0 }
      this.clusters.set(clusterId, state)
    }
    return state
  }

  /** One query: which clusters are due, and what the database's clock says. */
  private async look() {
    try {
      const startedMs = this.deps.clock.bootMs()
      const { nowMs, due } = await this.inTime(this.deps.store.look())
      const endedMs = this.deps.clock.bootMs()
      this.observe(nowMs, startedMs, endedMs)
      this.lastLookMs = endedMs
      for (const { id, round } of due) {
        this.state(id).seen = round
        this.ring(id)
      }
    } catch (error) {
      this.deps.log.warn({ err: error }, 'cannot look for due clusters')
    }
    if (!this.stopped) this.looking = this.deps.timers.set(() => void this.look(), this.lookMs)
  }

  private observe(databaseMs: number, startedMs: number, endedMs: number) {
    const pair = { databaseMs, bootMs: (startedMs + endedMs) / 2 }
    const stepMs = this.deps.witness.observe(pair, endedMs - startedMs)
    if (stepMs !== null)
      this.deps.log.warn(
        { stepMs: Math.round(stepMs) },
        'the clock of the database stepped: leases count as renewed since',
      )
  }

  private async run(clusterId: number, state: ClusterState) {
    state.running = true
    let waitMs = retryMs
    while (state.rung && !this.stopped) {
      state.rung = false
      const result = await this.round(clusterId, state)
      if (result?.kind === 'done') {
        waitMs = retryMs
        this.schedule(clusterId, state, result.nextRoundInMs)
      } else if (result) {
        this.say(clusterId, state, result)
        // Somebody else's round may have begun before the news that rang here.
        state.rung = true
        await new Promise<void>((resolve) => this.deps.timers.set(resolve, waitMs))
        waitMs = Math.min(waitMs * 2, this.lookMs)
      }
    }
    state.running = false
  }

  /** A plan that is thrown away now and then is normal; one that always is, is a bug or a stuck row. */
  private say(clusterId: number, state: ClusterState, result: RoundResult) {
    if (result.kind !== 'again') return
    state.thrownAway += 1
    if (state.thrownAway % 20 === 0)
      this.deps.log.warn(
        { clusterId, times: state.thrownAway, why: result.why },
        'rounds are thrown away again and again',
      )
  }

  private async round(clusterId: number, state: ClusterState): Promise<RoundResult | null> {
    try {
      if (state.seen < 0) state.seen = await this.inTime(this.deps.store.lastRound(clusterId))
      const result = await this.inTime(runRound(this.deps, clusterId, state.seen))
      this.deps.metrics?.rounds.inc({ result: result.kind })
      if (result.kind === 'done') this.finish(clusterId, state, result)
      else {
        state.seen = -1
        this.deps.log.debug({ clusterId, result }, 'round thrown away')
      }
      return result
    } catch (error) {
      state.seen = -1
      this.deps.metrics?.rounds.inc({ result: 'failed' })
      this.deps.log.error({ err: error, clusterId }, 'round failed; nothing was changed')
      return null
    }
  }

  private finish(
    clusterId: number,
    state: ClusterState,
    result: Extract<RoundResult, { kind: 'done' }>,
  ) {
    state.seen = result.round
    state.thrownAway = 0
    for (const kind of result.changes) this.deps.metrics?.changes.inc({ kind })
    if (result.planeEpochChanged)
      this.deps.log.warn({ clusterId, why: result.planeEpochChanged }, 'plane epoch changed')
    if (result.changes.length > 0)
      this.deps.log.info({ clusterId, round: result.round, changes: result.changes }, 'round')
    if (result.changedNodes.length > 0) this.deps.wakeNodes(result.changedNodes)
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, this.deps.roundDeadlineMs, this.deps.timers)
  }

  /** The timer gives precision; `next_round_at` in the database gives durability. */
  private schedule(clusterId: number, state: ClusterState, inMs: number) {
    const { timers } = this.deps
    timers.clear(state.timer)
    state.timer = timers.set(() => this.ring(clusterId), Math.max(1, Math.ceil(inMs)))
  }
}
