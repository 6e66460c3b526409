// Ending a service for certain: SIGTERM to all of it, SIGKILL at the timeout, until two looks at the host in a row find
// nothing. One look is not enough: a process may fork after the list was read and end before it was looked at.
import type { Clock } from '../../../shared/clock.ts'
import type { DriverResult } from '../driver.ts'
import type { Group } from './members.ts'

/** How long killed processes may take to vanish (I/O that cannot be interrupted) before the stop has failed. */
const killPatienceMs = 5_000
const fastestLookMs = 5
const slowestLookMs = 100

export type EndingDeps = {
  clock: Clock
  /** All groups of the service, of whatever generation; looked for in this turn of the event loop. */
  look(): Group[]
  killAtOnce(group: Group): void
  /** How it is asked to end, once; if not, each process by SIGTERM. */
  ask?(): void
}

export class Ending {
  readonly done: Promise<DriverResult>
  private readonly deps: EndingDeps
  private killAtMs: number
  private wake: (() => void) | null = null

  constructor(deps: EndingDeps, timeoutMs: number) {
    this.deps = deps
    this.killAtMs = deps.clock.bootMs() + timeoutMs
    this.done = this.run()
  }

  /** A stop asked for again may only get shorter. */
  hurry(timeoutMs: number): void {
    const killAtMs = this.deps.clock.bootMs() + timeoutMs
    if (killAtMs >= this.killAtMs) return
    this.killAtMs = killAtMs
    this.wake?.()
  }

  private async run(): Promise<DriverResult> {
    const asked = new Set<string>()
    let emptyLooks = 0
    let pauseMs = fastestLookMs
    for (;;) {
      await nextTick()
      const groups = this.deps.look()
      emptyLooks = groups.length === 0 ? emptyLooks + 1 : 0
      if (emptyLooks === 2) return { outcome: 'ok', detail: '' }
      const lateMs = this.deps.clock.bootMs() - this.killAtMs
      if (groups.length > 0 && lateMs > killPatienceMs)
        return { outcome: 'timeout', detail: `not gone after SIGKILL: ${pids(groups)}` }
      for (const group of groups) this.press(group, lateMs >= 0, asked)
      if (emptyLooks === 1) continue
      await this.pause(lateMs >= 0 ? pauseMs : Math.min(pauseMs, -lateMs))
      pauseMs = Math.min(slowestLookMs, pauseMs * 1.5)
    }
  }

  private press(group: Group, isLate: boolean, asked: Set<string>): void {
    if (isLate) this.deps.killAtOnce(group)
    else if (this.deps.ask) {
      if (asked.size === 0) this.deps.ask()
      asked.add('')
      return
    }
    for (const { pid, startTime } of group.members) {
      const key = `${pid} ${startTime}`
      if (isLate) send(pid, 'SIGKILL')
      else if (!asked.has(key)) {
        asked.add(key)
        send(pid, 'SIGTERM')
        // One that is stopped would hear it only when it is continued.
        send(pid, 'SIGCONT')
      }
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** All that look in one turn of the event loop share one look; the next turn has its own. */
const nextTick = () => new Promise<void>((resolve) => setImmediate(resolve))

function send(pid: number, signal: NodeJS.Signals): void {
  // 0 would be this process's own group: one of another pid namespace has no number here, and ends with its cgroup.
  if (pid <= 1) return
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already; if it may not be signalled, the next look finds it again and the stop fails in the end.
  }
}

function pids(groups: Group[]): string {
  return groups.flatMap((group) => group.members.map((one) => one.pid)).join(' ')
}
