// What nodes say they use, on its way to the database: gathered, the newest of each node, and written in one statement a
// while later. Never on the way of a renewal: nobody waits for it, and whatever is too much or fails is dropped, since
// the next measurement comes in seconds.
import type { Logger } from 'pino'
import type { Timer, Timers } from '../../shared/clock.ts'
import type { NodeUsage } from '../../shared/scheduling.ts'
import { withDeadline } from '../store/deadline.ts'
import type { UsageRow } from '../store/node-usage.ts'

export type UsageReportsDeps = {
  write(rows: UsageRow[]): Promise<void>
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

export class UsageReports {
  private readonly deps: UsageReportsDeps
  private waiting = new Map<string, UsageRow>()
  private timer: Timer | null = null
  private isWriting = false
  private hasFailed = false

  constructor(deps: UsageReportsDeps) {
    this.deps = deps
  }

  /** Takes a report in. Returns at once, and never throws. */
  note(clusterId: number, nodeUid: string, usage: NodeUsage): void {
    if (this.waiting.size >= mostWaiting && !this.waiting.has(nodeUid)) return
    this.waiting.set(nodeUid, { clusterId, nodeUid, usage })
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
      if (!this.hasFailed) this.deps.log.warn({ err: error }, 'usage of nodes not written')
      this.hasFailed = true
    }
    this.isWriting = false
    this.schedule()
  }
}
