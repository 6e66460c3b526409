// A host's clock and the processes on it: they can be killed, or stand still for a while. Whatever reaches a process,
// and whatever it does, waits while it stands still and is lost when it is dead.
import type { Clock, Timer, Timers } from '../../shared/clock.ts'
import type { Scheduled, Scheduler } from './scheduler.ts'

type Cancel = () => void

/** The true time at which every world begins, as a wall clock shows it. */
export const worldBeganMs = 1_750_000_000_000

export class HostClock implements Clock {
  readonly scheduler: Scheduler
  /** How fast it runs: 1.01 is one per cent too fast. */
  readonly rate: number
  private readonly startedMs: number
  private readonly offsetMs: number
  private frozenSinceMs: number | null = null
  private frozenMs = 0
  private overdue: (() => void)[] = []
  wallErrorMs = 0

  constructor(scheduler: Scheduler, rate = 1, offsetMs = 0) {
    this.scheduler = scheduler
    this.rate = rate
    this.startedMs = scheduler.nowMs
    this.offsetMs = offsetMs
  }

  bootMs(): number {
    return this.offsetMs + this.livedMs() * this.rate
  }

  /** True milliseconds since it began, without those in which it stood still. */
  private livedMs(): number {
    return (this.frozenSinceMs ?? this.scheduler.nowMs) - this.startedMs - this.frozenMs
  }

  /** The hypervisor stops the machine: its clocks stand still, and whatever counts on them. */
  freeze(): void {
    this.frozenSinceMs ??= this.scheduler.nowMs
  }

  thaw(): void {
    if (this.frozenSinceMs === null) return
    this.frozenMs += this.scheduler.nowMs - this.frozenSinceMs
    this.frozenSinceMs = null
    const { overdue } = this
    this.overdue = []
    for (const look of overdue) look()
  }

  get isFrozen(): boolean {
    return this.frozenSinceMs !== null
  }

  /** Runs `run` after `ms` of this clock, however long it stands still meanwhile. */
  after(ms: number, run: () => void): Cancel {
    const dueMs = this.livedMs() + this.trueMs(ms)
    let scheduled: Scheduled | null = null
    let isCancelled = false
    const look = () => {
      if (isCancelled) return
      if (this.isFrozen) return void this.overdue.push(look)
      const leftMs = dueMs - this.livedMs()
      if (leftMs > 1e-3) scheduled = this.scheduler.after(leftMs, look)
      else run()
    }
    scheduled = this.scheduler.after(this.trueMs(ms), look)
    return () => {
      isCancelled = true
      this.scheduler.cancel(scheduled)
    }
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
        const timer: { cancel: Cancel | null } = { cancel: null }
        timer.cancel = clock.after(ms, () => {
          timer.cancel = null
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
        const { cancel, clear } = timer as { cancel: Cancel | null; clear?: () => void }
        cancel?.()
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
