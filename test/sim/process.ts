// A host's clock and the processes on it: they can be killed, or stand still for a while. Whatever reaches a process,
// and whatever it does, waits while it stands still and is lost when it is dead.
import type { Clock, Timer, Timers } from '../../shared/clock.ts'
import type { Scheduled, Scheduler } from './scheduler.ts'

/** The true time at which every world begins, as a wall clock shows it. */
export const worldBeganMs = 1_750_000_000_000

export class HostClock implements Clock {
  readonly scheduler: Scheduler
  /** How fast it runs: 1.01 is one per cent too fast. */
  readonly rate: number
  private readonly startedMs: number
  private readonly offsetMs: number
  wallErrorMs = 0

  constructor(scheduler: Scheduler, rate = 1, offsetMs = 0) {
    this.scheduler = scheduler
    this.rate = rate
    this.startedMs = scheduler.nowMs
    this.offsetMs = offsetMs
  }

  bootMs(): number {
    return this.offsetMs + (this.scheduler.nowMs - this.startedMs) * this.rate
  }

  quickMs(): number {
    return this.bootMs()
  }

  wallMs(): number {
    return worldBeganMs + this.scheduler.nowMs + this.wallErrorMs
  }

  /** True milliseconds in which this clock advances by `ms`. */
  trueMs(ms: number): number {
    return ms / this.rate
  }
}

export class Process {
  readonly scheduler: Scheduler
  readonly clock: HostClock
  readonly timers: Timers
  isAlive = true
  isPaused = false
  /** Called with what was thrown: nobody catches it in a process. */
  onThrow: (error: unknown) => void = (error) => {
    throw error
  }
  private backlog: (() => void)[] = []
  private readonly deaths: (() => void)[] = []

  constructor(scheduler: Scheduler, clock: HostClock) {
    this.scheduler = scheduler
    this.clock = clock
    this.timers = {
      set: (call, ms) => {
        const timer: { scheduled: Scheduled | null } = { scheduled: null }
        timer.scheduled = scheduler.after(clock.trueMs(ms), () => {
          timer.scheduled = null
          let isCleared = false
          Object.assign(timer, { clear: () => (isCleared = true) })
          this.do(() => {
            if (!isCleared) call()
          })
        })
        return timer
      },
      clear: (timer: Timer | null) => {
        if (timer === null) return
        const { scheduled, clear } = timer as { scheduled: Scheduled | null; clear?: () => void }
        scheduler.cancel(scheduled)
        clear?.()
      },
    }
  }

  /** Runs `act` in this process: now, when it goes on, or never. */
  do(act: () => void): void {
    if (!this.isAlive) return
    if (this.isPaused) {
      this.backlog.push(act)
      return
    }
    try {
      act()
    } catch (error) {
      this.onThrow(error)
    }
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    const { backlog } = this
    this.backlog = []
    for (const act of backlog) this.do(act)
  }

  /** Stands still for `ms` of true time. */
  pauseFor(ms: number): void {
    this.pause()
    this.scheduler.after(ms, () => this.resume())
  }

  kill(): void {
    if (!this.isAlive) return
    this.isAlive = false
    this.backlog = []
    for (const tell of this.deaths) tell()
  }

  /** Calls `tell` when this process dies. */
  onDeath(tell: () => void): void {
    this.deaths.push(tell)
  }
}
