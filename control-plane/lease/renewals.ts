// Group commit of lease renewals: what arrives within a few milliseconds becomes one statement. A renewal is answered
// only after its own commit came back clean; whatever is doubtful is answered 503, which the agent may always repeat.
import { hash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock, Timer, Timers } from '../../shared/clock.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import type { Timing } from '../../shared/timing.ts'
import type { Metrics } from '../metrics.ts'
import { withDeadline } from '../store/deadline.ts'
import type { ClockWitness } from './clock-witness.ts'
import type { LeaseLane } from './lease-lane.ts'
import type { ReleaseAnswer } from './release.ts'
import type { RenewalRow, RenewedRow } from './renewal-statement.ts'
import type { Refusal } from './why-not.ts'

/** Measured: of 0, 2, 5 and 20 ms, 5 ms costs a renewal least in commits and tail latency together. */
const windowMs = 5
const largestBatch = 500
/** Retries in flight beside the batches; more than this many held rows are told to come again. */
const mostAlone = 100
/** Beyond this the replica says so at once instead of answering late. */
const longestQueue = 20_000

export type Renewal = { clusterId: number; request: LeaseRequest }
export type RenewalAnswer =
  | { granted: true; row: RenewedRow }
  | { granted: false; refusal: Refusal }

type Waiting = Renewal & { row: RenewalRow; answer(answer: RenewalAnswer): void }

export type RenewalsDeps = {
  openLane(): LeaseLane
  clock: Clock
  timers: Timers
  witness: ClockWitness
  log: Logger
  /** Something the CRM should look at. */
  ring(clusterId: number): void
  deadlineMs: number
  metrics?: Pick<Metrics, 'renewalsGranted' | 'renewalsRefused' | 'renewalBatch'>
}

export class Renewals {
  private readonly deps: RenewalsDeps
  private readonly lane: LeaseLane
  /** For rows that somebody holds, and for releases. */
  private readonly slowLane: LeaseLane
  private alone = 0
  private queue: Waiting[] = []
  private timer: Timer | null = null
  private flushing = false
  private flushedMs = Number.NEGATIVE_INFINITY
  /** Digest of the report each node had written last, as far as this replica knows. */
  private readonly written = new Map<string, string>()

  constructor(deps: RenewalsDeps) {
    this.deps = deps
    this.lane = deps.openLane()
    this.slowLane = deps.openLane()
  }

  /** One renewal; resolves when it is committed or refused. Never rejects. */
  renew(renewal: Renewal): Promise<RenewalAnswer> {
    return new Promise((resolve) => {
      if (this.queue.length >= longestQueue) return resolve(refused({ code: 'busy' }))
      this.queue.push({ ...renewal, row: this.rowOf(renewal), answer: resolve })
      this.schedule()
    })
  }

  /** An agent's leave to close its watchdog; rejects where nothing is known of its commit. */
  release(clusterId: number, request: LeaseRequest, timing: Timing): Promise<ReleaseAnswer> {
    const lane = this.slowLane
    const seen = lane.connection
    return this.inTime(lane.release(clusterId, request, timing)).catch((error: unknown) => {
      // It may have been committed: the agent asks again, on a connection that answers.
      lane.replace(seen)
      throw error
    })
  }

  async close(): Promise<void> {
    this.deps.timers.clear(this.timer)
    await Promise.all([this.lane.close(), this.slowLane.close()])
  }

  private rowOf({ clusterId, request }: Renewal): RenewalRow {
    const { running, closed, results, revision, epoch, bootId } = request
    const report = { running, closed, results }
    const planeNumber = request.planeEpoch.number
    const digest = hash(
      'sha1',
      JSON.stringify([planeNumber, epoch, bootId, revision, report]),
      'base64',
    )
    return {
      nodeUid: request.nodeUid,
      clusterId,
      epoch,
      bootId,
      seq: request.seq,
      planeNumber,
      planeUuid: request.planeEpoch.uuid,
      armed: request.armed,
      hasConfirms: request.confirms.length > 0,
      revision,
      lrmState: request.lrmState,
      mode: request.mode,
      digest,
      report: this.written.get(request.nodeUid) === digest ? null : report,
      confirms: request.confirms,
    }
  }

  private schedule() {
    if (this.timer || this.flushing || this.queue.length === 0) return
    // The window counts from the last commit: a renewal that comes alone need not wait for company.
    const waitMs = windowMs - (this.deps.clock.quickMs() - this.flushedMs)
    this.timer = this.deps.timers.set(() => void this.flush(), Math.max(0, waitMs))
  }

  private async flush() {
    this.timer = null
    this.flushing = true
    const batch = this.queue.splice(0, largestBatch)
    try {
      await this.commit(batch)
    } catch (error) {
      this.deps.log.warn({ err: error, renewals: batch.length }, 'renewals not committed')
      // What became of the statement is not known: nobody is granted anything by it.
      for (const waiting of batch) waiting.answer(refused({ code: 'busy' }))
      this.lane.replace()
    }
    this.flushing = false
    this.flushedMs = this.deps.clock.quickMs()
    this.schedule()
  }

  /** Two requests of one node: the later one counts, the earlier is stale by its own number. */
  private newestPerNode(batch: Waiting[]): Map<string, Waiting> {
    const newest = new Map<string, Waiting>()
    for (const waiting of batch) {
      const other = newest.get(waiting.row.nodeUid)
      const isNewer = !other || waiting.row.seq > other.row.seq
      const loser = isNewer ? other : waiting
      if (loser) loser.answer(refused({ code: 'stale' }))
      if (isNewer) newest.set(waiting.row.nodeUid, waiting)
    }
    return newest
  }

  private async commit(batch: Waiting[]) {
    const open = this.newestPerNode(batch)
    this.deps.metrics?.renewalBatch.observe(open.size)
    this.answerAll(open, await this.run(this.lane, [...open.values()], true))
    if (open.size === 0) return
    const reasons = await this.inTime(this.lane.whyNot([...open.values()]))
    for (const waiting of open.values()) {
      const refusal = reasons.get(waiting.row.nodeUid) ?? { code: 'busy' }
      // Nothing speaks against it: somebody holds its row. It is tried again alone, and nobody else waits for it (S-A3).
      if (refusal.code === 'busy' && !refusal.wakesCrm) this.retryAlone(waiting)
      else this.refuse(waiting, refusal)
    }
  }

  private refuse(waiting: Waiting, refusal: Refusal) {
    if (refusal.wakesCrm) this.deps.ring(waiting.clusterId)
    this.deps.metrics?.renewalsRefused.inc({ code: refusal.code })
    waiting.answer(refused(refusal))
  }

  private retryAlone(waiting: Waiting) {
    if (this.alone >= mostAlone) return this.refuse(waiting, { code: 'busy' })
    this.alone += 1
    const open = new Map([[waiting.row.nodeUid, waiting]])
    const seen = this.slowLane.connection
    this.run(this.slowLane, [waiting], false)
      .then(
        (renewed) => this.answerAll(open, renewed),
        (error: unknown) => {
          this.deps.log.warn({ err: error }, 'renewal retried alone failed')
          this.slowLane.replace(seen)
        },
      )
      .finally(() => {
        this.alone -= 1
        for (const left of open.values()) this.refuse(left, { code: 'busy' })
      })
      .catch(() => {})
  }

  private async run(lane: LeaseLane, waiting: Waiting[], skipHeld: boolean) {
    const rows = waiting.map((w) => w.row)
    const startedMs = this.deps.clock.bootMs()
    const renewed = await this.inTime(lane.renew(rows, skipHeld))
    const tookMs = this.deps.clock.bootMs() - startedMs
    const databaseMs = renewed[0]?.databaseMs
    if (databaseMs !== undefined && skipHeld)
      this.deps.witness.observe({ databaseMs, bootMs: startedMs + tookMs / 2 }, tookMs)
    return renewed
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, this.deps.deadlineMs, this.deps.timers)
  }

  private answerAll(open: Map<string, Waiting>, renewed: RenewedRow[]) {
    for (const row of renewed) {
      const waiting = open.get(row.nodeUid)
      if (!waiting) continue
      open.delete(row.nodeUid)
      this.remember(waiting, row)
      this.deps.metrics?.renewalsGranted.inc()
      waiting.answer(row.quorate ? { granted: true, row } : refused({ code: 'not-quorate' }))
    }
  }

  private remember(waiting: Waiting, row: RenewedRow) {
    // Where the stored report is not the one just heard, it is sent whole with the next renewal.
    if (row.digest === waiting.row.digest) this.written.set(row.nodeUid, row.digest)
    else this.written.delete(row.nodeUid)
    const isBack = row.nodeState !== 'online' && row.nodeState !== 'maintenance'
    if (row.wroteReport || isBack) this.deps.ring(waiting.clusterId)
  }
}

function refused(refusal: Refusal): RenewalAnswer {
  return { granted: false, refusal }
}
