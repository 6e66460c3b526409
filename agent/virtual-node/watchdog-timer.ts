// The countdown of a simulated watchdog: armed, fed, closed, fired. Times are milliseconds of a monotonic clock.
// It must never let a node live longer than the timeout after its last feed, and never fire while it is closed.

/**
 * The part of the timeout after which the countdown fires. The promise is that the *last process* of the node is dead
 * when the timeout has passed; finding and killing a tree takes time, and this process may be scheduled late.
 */
const fireFraction = 0.9

const longestTimeoutMs = 86_400_000

export type WatchdogState = {
  armed: boolean
  timeoutMs: number
}

export type WatchdogTimerDeps = {
  /** Monotonic milliseconds. */
  nowMs(): number
  /** The countdown ran out. Called once; the timer is closed for good before. */
  fired(silentMs: number): void
  /** Armed, closed, or another timeout; not called for a feed. */
  changed(state: WatchdogState): void
}

/** One watchdog of one boot. A new boot gets a new one, so that no late feed of a dead boot counts for the next. */
export class WatchdogTimer {
  #deps: WatchdogTimerDeps
  #armed = false
  #timeoutMs = 0
  #fedAtMs = 0
  #timer: NodeJS.Timeout | null = null
  #ended = false
  /** The agent's present process has opened the device. */
  #opened = false

  constructor(deps: WatchdogTimerDeps) {
    this.#deps = deps
  }

  get state(): WatchdogState {
    return { armed: this.#armed, timeoutMs: this.#timeoutMs }
  }

  /** Milliseconds until it fires; null while it is closed. */
  get remainingMs(): number | null {
    if (!this.#armed) return null
    return Math.max(0, this.#dueMs() - this.#deps.nowMs())
  }

  /** One line the agent wrote: `T<ms>` arm or set the timeout, `.` feed, `V` magic close. False: not understood. */
  accept(line: string): boolean {
    if (this.#ended) return true
    if (line !== 'V') this.#opened = true
    if (line === '.') {
      // Feeding a closed device opens nothing: a countdown starts with `T` alone.
      if (this.#armed) this.#feed()
      return true
    }
    if (line === 'V') {
      this.#close()
      return true
    }
    const timeoutMs = /^T[0-9]{1,9}$/.test(line) ? Number(line.slice(1)) : 0
    if (timeoutMs < 1 || timeoutMs > longestTimeoutMs) return false
    this.#arm(timeoutMs)
    return true
  }

  /**
   * The agent's process is gone. As the kernel does on a close without `V`: one more ping, and the countdown goes on.
   * SAFETY: only if this process had opened the device. An agent that crashes again and again at its start closes nothing,
   * and must not keep the node alive (S1).
   */
  agentExited(): void {
    if (this.#opened && this.#armed && !this.#ended) this.#feed()
    this.#opened = false
  }

  /** The node lost its power otherwise: nothing fires any more. */
  end(): void {
    this.#ended = true
    this.#armed = false
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #arm(timeoutMs: number): void {
    const before = this.state
    this.#armed = true
    this.#timeoutMs = timeoutMs
    this.#feed()
    this.#schedule()
    if (!before.armed || before.timeoutMs !== timeoutMs) this.#deps.changed(this.state)
  }

  #feed(): void {
    this.#fedAtMs = this.#deps.nowMs()
  }

  #close(): void {
    if (!this.#armed) return
    this.#armed = false
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#deps.changed(this.state)
  }

  #dueMs(): number {
    return this.#fedAtMs + this.#timeoutMs * fireFraction
  }

  #schedule(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, this.#dueMs() - this.#deps.nowMs()))
  }

  #wake(): void {
    // A timer that comes late is run before the feeds that already wait to be read; let those be read first.
    setImmediate(() => {
      if (!this.#armed || this.#ended) return
      if (this.#deps.nowMs() < this.#dueMs()) {
        this.#schedule()
        return
      }
      const silentMs = this.#deps.nowMs() - this.#fedAtMs
      this.end()
      this.#deps.fired(silentMs)
    })
  }
}
