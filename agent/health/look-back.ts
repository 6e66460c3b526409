// What a new process finds of the life before it, put together for its renewals. Reads the note of that life and begins
// its own.
import type { Clock } from '../../shared/clock.ts'
import type { Drills } from '../drill/drills.ts'
import { type Files, systemFiles } from '../files.ts'
import type { Log } from '../log.ts'
import type { Watchdog } from '../watchdog/watchdog.ts'
import { createHealth, type Health } from './health.ts'
import { judgeLastEnd } from './last-end.ts'
import { openLife } from './life.ts'
import { createStallMeter } from './stalls.ts'

/** Once a process, before it decides anything. */
export function lookBack(parts: {
  home: string
  bootId: string
  drills: Drills
  watchdog: Watchdog
  clock: Clock
  log: Log
  files?: Files
}): Health {
  const { home, bootId, drills, watchdog, clock, log, files = systemFiles } = parts
  const life = openLife(home, bootId, clock, files)
  const now = { bootId, bootStatus: watchdog.bootStatus(), wallMs: clock.wallMs() }
  const lastEnd = judgeLastEnd(life.before, now)
  if (lastEnd) log('warn', 'how the life before this one ended', lastEnd)
  const { factor } = watchdog
  return createHealth({ drills, life, stalls: createStallMeter(), lastEnd, factor, clock })
}
