// What happened in a world, one line for each thing, and a hash over all of them: equal seeds have equal traces.
import { createHash } from 'node:crypto'
import type { Scheduler } from './scheduler.ts'

/** Of a long run only the end is kept, unless all is asked for. */
const keptLines = 4_000

export class Trace {
  readonly lines: string[] = []
  /** Told of each line as it is said. */
  onSay: (who: string, what: string) => void = () => {}
  private readonly scheduler: Scheduler
  private readonly keepAll: boolean
  private readonly sum = createHash('sha256')

  constructor(scheduler: Scheduler, keepAll: boolean) {
    this.scheduler = scheduler
    this.keepAll = keepAll
  }

  say(who: string, what: string, level = 'info'): void {
    const seconds = (this.scheduler.nowMs / 1000).toFixed(3).padStart(10)
    const line = `${seconds} ${who}: ${what}${level === 'info' ? '' : ` [${level}]`}`
    this.sum.update(line)
    this.onSay(who, what)
    this.lines.push(line)
    if (!this.keepAll && this.lines.length > 2 * keptLines) this.lines.splice(0, keptLines)
  }

  /** Over every line so far, and how many events led to them. */
  hash(): string {
    return this.sum.copy().update(String(this.scheduler.count)).digest('hex').slice(0, 16)
  }
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
