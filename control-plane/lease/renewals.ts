// Group commit of lease renewals: what arrives within a few milliseconds becomes one statement. A renewal is answered
// only after its own commit came back clean; whatever is doubtful is answered 503, which the agent may always repeat.
import { hash } from 'node:crypto'
import type { Logger } from 'pino'
import type postgres from 'postgres'
import type { Clock } from '../../shared/clock.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { client } from '../store/connect.ts'
import { withDeadline } from '../store/deadline.ts'
import type { ClockWitness } from './clock-witness.ts'
import { type RenewalRow, type RenewedRow, renewalStatement } from './renewal-statement.ts'
import { type Refusal, whyNot } from './why-not.ts'

/** Measured: of 0, 2, 5 and 20 ms, 5 ms costs a renewal least in commits and tail latency together. */
const windowMs = 5
const largestBatch = 500
/** Beyond this the replica says so at once instead of answering late. */
const longestQueue = 20_000

export type Renewal = { clusterId: number; request: LeaseRequest }
export type RenewalAnswer =
  | { granted: true; row: RenewedRow }
  | { granted: false; refusal: Refusal }

type Waiting = Renewal & { row: RenewalRow; answer(answer: RenewalAnswer): void }

export type RenewalsDeps = {
  url: string
  clock: Clock
  witness: ClockWitness
  log: Logger
  /** Something the CRM should look at. */
  ring(clusterId: number): void
  deadlineMs: number
}

export class Renewals {
  private readonly deps: RenewalsDeps
  private sql: postgres.Sql
  /** Set by any WARNING while a statement runs: a COMMIT that comes back with one is no commit (rule 1). */
  private warned = false
  private queue: Waiting[] = []
  private timer: NodeJS.Timeout | null = null
  private flushing = false
  private flushedMs = Number.NEGATIVE_INFINITY
  /** Digest of the report each node had written last, as far as this replica knows. */
  private readonly written = new Map<string, string>()

  constructor(deps: RenewalsDeps) {
    this.deps = deps
    this.sql = this.connect()
  }

  /** One renewal; resolves when it is committed or refused. Never rejects. */
  renew(renewal: Renewal): Promise<RenewalAnswer> {
    return new Promise((resolve) => {
      if (this.queue.length >= longestQueue) return resolve(refused({ code: 'busy' }))
      this.queue.push({ ...renewal, row: this.rowOf(renewal), answer: resolve })
      this.schedule()
    })
  }

  async close(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    await this.sql.end({ timeout: 1 })
  }

  private connect(): postgres.Sql {
    // One connection: a warning then belongs to the statement in flight.
    const onnotice = (notice: postgres.Notice) => {
      if (notice.severity === 'WARNING') this.warned = true
    }
    return client(this.deps.url, { max: 1, name: 'leases', onnotice })
  }

  private rowOf({ clusterId, request }: Renewal): RenewalRow {
    const { running, closed, results, revision, epoch, bootId } = request
    const report = { running, closed, results }
    const digest = hash('sha1', JSON.stringify([epoch, bootId, revision, report]), 'base64')
    return {
      nodeUid: request.nodeUid,
      clusterId,
      epoch,
      bootId,
      seq: request.seq,
      planeNumber: request.planeEpoch.number,
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
    const waitMs = windowMs - (performance.now() - this.flushedMs)
    this.timer = setTimeout(() => void this.flush(), Math.max(0, waitMs))
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
      this.replaceConnection()
    }
    this.flushing = false
    this.flushedMs = performance.now()
    this.schedule()
  }

  private replaceConnection() {
    const old = this.sql
    this.sql = this.connect()
    void old.end({ timeout: 0 }).catch(() => {})
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
    const first = await this.run([...open.values()], true)
    this.answerAll(open, first)
    if (open.size === 0) return
    // Not granted: rows that were locked are tried once more, alone and waiting; for the rest, why.
    const again = await this.run([...open.values()], false)
    this.answerAll(open, again)
    if (open.size === 0) return
    const reasons = await withDeadline(whyNot(this.sql, [...open.values()]), this.deps.deadlineMs)
    for (const waiting of open.values()) {
      const refusal = reasons.get(waiting.row.nodeUid) ?? { code: 'busy' }
      if (refusal.wakesCrm) this.deps.ring(waiting.clusterId)
      waiting.answer(refused(refusal))
    }
  }

  private async run(waiting: Waiting[], skipLocked: boolean): Promise<RenewedRow[]> {
    const rows = JSON.stringify(waiting.map((w) => w.row))
    const startedMs = this.deps.clock.bootMs()
    this.warned = false
    const work = this.sql.unsafe<RenewedRow[]>(renewalStatement(skipLocked), [rows], {
      prepare: true,
    })
    const renewed = await withDeadline(work, this.deps.deadlineMs)
    if (this.warned) throw new Error('the commit came back with a warning: not durable')
    const endedMs = this.deps.clock.bootMs()
    const databaseMs = renewed[0]?.databaseMs
    if (databaseMs !== undefined)
      this.deps.witness.observe({ databaseMs, bootMs: endedMs }, endedMs - startedMs)
    return renewed
  }

  private answerAll(open: Map<string, Waiting>, renewed: RenewedRow[]) {
    for (const row of renewed) {
      const waiting = open.get(row.nodeUid)
      if (!waiting) continue
      open.delete(row.nodeUid)
      this.remember(waiting, row)
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
