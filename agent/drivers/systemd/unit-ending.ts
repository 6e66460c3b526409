// Ending a unit for certain: asked to stop, its cgroup killed at the timeout, until two looks in a row find it down, with no
// job of it queued and no process of it left.
import type { Clock } from '../../../shared/clock.ts'
import type { DriverResult } from '../driver.ts'
import { processesBelow, unitCgroup } from './unit-cgroup.ts'
import { isDown, showUnit, systemctl, type UnitState } from './unit-state.ts'

/** How long what was killed may take to vanish before the stop has failed. */
const killPatienceMs = 5_000
const shortestPauseMs = 10
const longestPauseMs = 200

export type UnitEndingDeps = {
  clock: Clock
  /** Whether a client of this process that asks for a start has yet to answer. */
  isStarting(): boolean
}

export class UnitEnding {
  readonly done: Promise<DriverResult>
  private readonly unit: string
  private readonly deps: UnitEndingDeps
  private killAtMs: number
  private isAsked = false
  private wake: () => void = () => {}

  constructor(unit: string, deps: UnitEndingDeps, timeoutMs: number) {
    this.unit = unit
    this.deps = deps
    this.killAtMs = deps.clock.bootMs() + timeoutMs
    this.done = this.run()
  }

  /** A stop asked for again may only get shorter. */
  hurry(timeoutMs: number): void {
    const killAtMs = this.deps.clock.bootMs() + timeoutMs
    if (killAtMs >= this.killAtMs) return
    this.killAtMs = killAtMs
    this.wake()
  }

  private async run(): Promise<DriverResult> {
    const asked = new Set<number>()
    let calmLooks = 0
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
      const state = await showUnit(this.unit)
      const left = processesBelow(unitCgroup(state))
      const isCalm = isDown(state) && left.length === 0 && !this.deps.isStarting()
      calmLooks = isCalm ? calmLooks + 1 : 0
      if (calmLooks === 2) return { outcome: 'ok', detail: '' }
      const lateMs = this.deps.clock.bootMs() - this.killAtMs
      if (!isCalm && lateMs > killPatienceMs)
        return { outcome: 'timeout', detail: `${describe(state)}, left: ${left.join(' ')}` }
      await this.press(state, left, lateMs >= 0, asked)
      await this.pause(lateMs >= 0 ? pauseMs : Math.min(pauseMs, -lateMs))
    }
  }

  private async press(state: UnitState, left: number[], isLate: boolean, asked: Set<number>) {
    // A stop takes the place of a start that is queued or under way.
    const isStopping = state.active === 'deactivating'
    if (!isDown(state) && !isStopping)
      await systemctl(['stop', ...this.how(state), '--', this.unit])
    // Of a unit that is down nobody else sees to what it left behind.
    for (const pid of left)
      if (isLate) send(pid, 'SIGKILL')
      else if (isDown(state) && !asked.has(pid)) {
        asked.add(pid)
        send(pid, 'SIGTERM')
      }
  }

  /**
   * While the agent's own unit is being stopped, a stop of one that comes before it would wait for that: a job that does
   * not begin is put in again, to be done at once.
   */
  private how({ hasJob }: UnitState): string[] {
    const isStuck = this.isAsked && hasJob
    this.isAsked = true
    return isStuck ? ['--no-block', '--job-mode=ignore-dependencies'] : ['--no-block']
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

const describe = ({ name, active, hasJob }: UnitState) =>
  `${name} is ${active}${hasJob ? ', with a job queued' : ''}`

function send(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already; what may not be signalled is found by the next look.
  }
}
