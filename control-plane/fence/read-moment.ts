// When the devices of a node were read off, by the database's clock: what is heard of it later tells that it was not off. Pure.
import { clockRate } from '../../shared/timing.ts'

/** When devices were read for the last time, by the job's own clock, which never steps. */
export type ReadMoment = {
  /** Since it has been given its task. */
  sinceTakenMs: number
  /** Before this report was sent. */
  agoMs: number
}

/**
 * When that was by the database's clock: at `latestMs`, or so long before the writing, whichever is earlier.
 *
 * SAFETY: never later than it was. A machine that is heard after it was read off was never off, and a report may be written
 * minutes after the reading. It may also be written long after it was sent, and the job may have been frozen in between: so
 * it is reckoned both onwards from the taking of the task and back from the writing. Both clocks may err by their rate.
 *
 * @param takenMs when the task was taken, or a little before, by the database's clock
 */
export function readBounds(takenMs: number, { sinceTakenMs, agoMs }: ReadMoment) {
  const rate = (1 + clockRate) ** 2
  return {
    latestMs: takenMs + Math.max(0, sinceTakenMs) / rate,
    agoMs: Math.max(0, agoMs) * rate,
  }
}
