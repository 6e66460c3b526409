// Ending something on the host for certain: look, press what is left to end, pause, until two looks in a row find nothing.
// One look is not enough: a process may fork after the list was read and end before it was looked at.
import type { Clock } from '../../shared/clock.ts'
import type { DriverResult } from './driver.ts'

export type Ending = {
  readonly done: Promise<DriverResult>
  /** A stop asked for again may only get shorter. */
  hurry(timeoutMs: number): void
  /** Something has happened to it. */
  lookNow(): void
}

export type EndingSteps<Seen> = {
  clock: Clock
  look(): Seen | Promise<Seen>
  /** Nothing of it was seen, nor anything that could bring it back. */
  isGone(seen: Seen): boolean
  /** Asks what was seen to end, or kills it; from `lateMs` 0 on its time is over. */
  press(seen: Seen, lateMs: number): void | Promise<void>
  /** Why the stop has failed. */
  describe(seen: Seen): string
  /** How long what was killed may take to vanish (I/O that cannot be interrupted) before the stop has failed. */
  killPatienceMs: number
  /** Between looks: `first`, then longer and longer; with `late` always so long once its time is over. */
  pausesMs: { first: number; longest: number; late?: number; whenGone?: true }
}

export function endForCertain<Seen>(steps: EndingSteps<Seen>, timeoutMs: number): Ending {
  const { clock, killPatienceMs, pausesMs } = steps
  let killAtMs = clock.bootMs() + timeoutMs
  let wake = () => {}

  async function run(): Promise<DriverResult> {
    let hasGone = false
    let pauseMs = pausesMs.first
    for (;;) {
      const seen = await steps.look()
      const isGone = steps.isGone(seen)
      if (isGone && hasGone) return { outcome: 'ok', detail: '' }
      hasGone = isGone
      const lateMs = clock.bootMs() - killAtMs
      if (!isGone && lateMs > killPatienceMs)
        return { outcome: 'timeout', detail: steps.describe(seen) }
      if (!isGone) await steps.press(seen, lateMs)
      else if (!pausesMs.whenGone) continue
      await pause(lateMs >= 0 ? (pausesMs.late ?? pauseMs) : Math.min(pauseMs, -lateMs))
      pauseMs = Math.min(pausesMs.longest, pauseMs * 1.5)
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    done: run(),
    hurry(ms) {
      if (clock.bootMs() + ms >= killAtMs) return
      killAtMs = clock.bootMs() + ms
      wake()
    },
    lookNow: () => wake(),
  }
}
