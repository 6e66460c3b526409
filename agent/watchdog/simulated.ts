// The watchdog of a virtual node: a supervisor process outside the node counts down and kills its whole tree.
// Lines into a FIFO: `T<ms>` arms or sets the timeout (a feed), `.` feeds, `V` before the close disarms. Each is one
// write. What the supervisor counts is read back from its state file. Evidence in development clusters only.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import type { Clock } from '../../shared/clock.ts'
import { cardReset } from '../../shared/node-health.ts'
import { countedFactor, nothingProved, type Proved } from '../drill/measured-factor.ts'
import type { ArmResult, CloseResult, FeedResult, Watchdog } from './watchdog.ts'

export type SimulatedWatchdogOptions = {
  fifo: string
  stateFile: string
  bootId: string
  clock: Clock
  /** What drills on this node have proved of a device. */
  proved?: (identity: string) => Proved
}

const identity = 'Holdfast supervisor'

export function simulatedWatchdog(options: SimulatedWatchdogOptions): Watchdog {
  const { clock } = options
  const proved = options.proved?.(identity) ?? nothingProved
  const factor = countedFactor(1, proved)
  let file: number | null = null

  function arm(timeoutMs: number, untilMs: number): ArmResult {
    try {
      // Without a reader this fails (ENXIO): no supervisor, no watchdog. Opening alone starts nothing here.
      file ??= openSync(options.fifo, constants.O_WRONLY | constants.O_NONBLOCK)
      if (clock.bootMs() > untilMs)
        return { ok: false, why: 'later than the lease allows', open: isCounting() }
      writeSync(file, `T${Math.round(timeoutMs)}\n`)
      return { ok: true, effectiveMs: Math.round(timeoutMs * factor), canClose: true }
    } catch (error) {
      const why = `the supervisor’s FIFO: ${(error as Error).message}`
      return { ok: false, why, open: isCounting() }
    }
  }

  const isCounting = () => file !== null && isArmed(options.stateFile, options.bootId)

  function feed(untilMs: number): FeedResult {
    if (file === null) return { failed: 'not armed' }
    try {
      if (clock.bootMs() > untilMs) return 'late'
      writeSync(file, '.\n')
      return 'fed'
    } catch (error) {
      return { failed: (error as Error).message }
    }
  }

  function close(): CloseResult {
    if (file === null) return { ok: true }
    try {
      writeSync(file, 'V\n')
      closeSync(file)
      file = null
      return { ok: true }
    } catch (error) {
      return { ok: false, why: (error as Error).message }
    }
  }

  return {
    factor,
    leastMs: proved.leastMs,
    info: (timeoutMs) => ({
      class: 'simulated',
      identity,
      effectiveMs: Math.round(Math.max(timeoutMs, proved.leastMs * factor)),
    }),
    bootStatus() {
      const state = readState(options.stateFile)
      if (state === null || !('resetByWatchdog' in state)) return null
      return state.resetByWatchdog === true ? cardReset : 0
    },
    isRunning: () => isArmed(options.stateFile, options.bootId),
    arm,
    feed,
    close,
  }
}

/** When the supervisor booted this node, by its wall clock; null: it does not say. */
export function simulatedBootMs(stateFile: string): number | null {
  const state = readState(stateFile)
  return state !== null && 'bootedMs' in state && typeof state.bootedMs === 'number'
    ? state.bootedMs
    : null
}

function readState(stateFile: string): object | null {
  try {
    const state: unknown = JSON.parse(readFileSync(stateFile, 'utf8'))
    return typeof state === 'object' ? state : null
  } catch {
    return null
  }
}

/** As the supervisor says. A state that cannot be read counts as running: a doubt must not look like a closed device. */
function isArmed(stateFile: string, bootId: string): boolean {
  try {
    const state: unknown = JSON.parse(readFileSync(stateFile, 'utf8'))
    if (typeof state !== 'object' || state === null) return true
    if (!('bootId' in state) || state.bootId !== bootId) return false
    return 'armed' in state && state.armed === true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}
