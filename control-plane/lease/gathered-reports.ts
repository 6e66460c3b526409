// What nodes tell beside their renewals, on its way to the database: gathered, the newest of each node, and written in one
// statement a while later. Never on the way of a renewal: nobody waits for it, and whatever is too much or fails is
// dropped, since a node tells it again.
import type { Logger } from 'pino'
import type { Timer, Timers } from '../../shared/clock.ts'
import { withDeadline } from '../store/deadline.ts'

export type GatheredReportsDeps<Row> = {
  /** What they are about, for the log: `usage of nodes`. */
  about: string
  write(rows: Row[]): Promise<void>
  timers: Timers
  log: Pick<Logger, 'warn'>
}

/** Long enough that a fleet's reports share a statement, and short beside the time between two measurements. */
const gatherMs = 1_000
const largestBatch = 500
/** One statement at a time, and no other before this: a database that hangs must not be given more and more of them. */
const longestWriteMs = 30_000
/** Far more nodes than one replica serves; beyond it reports are dropped. */
const mostWaiting = 20_000

export class GatheredReports<Row extends { nodeUid: string }> {
  private readonly deps: GatheredReportsDeps<Row>
  private waiting = new Map<string, Row>()
  private timer: Timer | null = null
  private isWriting = false
  private hasFailed = false

  constructor(deps: GatheredReportsDeps<Row>) {
    this.deps = deps
  }

  /** Takes a report in. Returns at once, and never throws. */
  put(row: Row): void {
    if (this.waiting.size >= mostWaiting && !this.waiting.has(row.nodeUid)) return
    this.waiting.set(row.nodeUid, row)
    this.schedule()
  }

  close(): void {
    this.deps.timers.clear(this.timer)
    this.timer = null
    this.waiting.clear()
  }

  private schedule() {
    if (this.timer !== null || this.isWriting || this.waiting.size === 0) return
    this.timer = this.deps.timers.set(() => void this.flush(), gatherMs)
  }

  private async flush() {
    this.timer = null
    this.isWriting = true
    const batch = [...this.waiting.values()].slice(0, largestBatch)
    for (const { nodeUid } of batch) this.waiting.delete(nodeUid)
    try {
      await withDeadline(this.deps.write(batch), longestWriteMs, this.deps.timers)
      this.hasFailed = false
    } catch (error) {
      // Said once for an outage, not once for every second of it.
      if (!this.hasFailed) this.deps.log.warn({ err: error }, `${this.deps.about} not written`)
      this.hasFailed = true
    }
    this.isWriting = false
    this.schedule()
  }
}
