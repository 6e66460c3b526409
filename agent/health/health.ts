// What goes with a renewal beside the lease: how the life before this one ended, the agent's own stalls, the last drill.
// With the first renewal of a process, again every minute in case nobody wrote it down, and as soon as a drill has ended.
import type { Clock } from '../../shared/clock.ts'
import type { LastEnd, NodeHealth } from '../../shared/node-health.ts'
import type { Drills } from '../drill/drills.ts'
import type { LifeStore } from './life.ts'
import type { StallMeter } from './stalls.ts'

export type Health = {
  readonly drills: Drills
  readonly life: LifeStore
  readonly stalls: StallMeter
  /** What is to be said now; null: it was said lately, or is not understood. */
  take(): NodeHealth | null
  /** A renewal was granted. */
  noteGranted(): void
  /** The plane does not understand it. */
  end(): void
}

const everyMs = 60_000

export function createHealth(parts: {
  drills: Drills
  life: LifeStore
  stalls: StallMeter
  lastEnd: LastEnd | null
  /** Of the device: effective timeout for each configured millisecond. */
  factor: number
  clock: Clock
}): Health {
  const { drills, life, stalls, lastEnd, factor, clock } = parts
  let saidMs = Number.NEGATIVE_INFINITY
  let saidDrill: string | null = null
  let hasEnded = false

  function drill(): NodeHealth['drill'] {
    const { result } = drills
    return result && { ...result, effectiveMs: Math.round(result.configuredMs * factor) }
  }

  return {
    ...{ drills, life, stalls },
    take() {
      const nowMs = clock.bootMs()
      const known = JSON.stringify(drills.result)
      if (hasEnded || (nowMs - saidMs < everyMs && known === saidDrill)) return null
      saidMs = nowMs
      saidDrill = known
      return { lastEnd, stalls: stalls.read(nowMs), drill: drill() }
    },
    noteGranted() {
      drills.noteBack()
    },
    end() {
      hasEnded = true
    },
  }
}
