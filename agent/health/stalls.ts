// How late this process was, in about the last hour: every decision says when it was due, and a feed is late with the
// decision it follows from. Counts and the worst one, in slots of five minutes that are forgotten one by one.
import { stallBoundsMs, type Stalls } from '../../shared/node-health.ts'

const slotMs = 300_000
const slots = 12

type Slot = { beganMs: number; worstMs: number; worstAtMs: number; counts: number[] }

export type StallMeter = {
  /** A decision that was due at `dueMs` came at `nowMs`. */
  note(dueMs: number, nowMs: number): void
  read(nowMs: number): Stalls
}

export function createStallMeter(): StallMeter {
  let kept: Slot[] = []

  function current(nowMs: number): Slot {
    const newest = kept.at(-1)
    if (newest && nowMs - newest.beganMs < slotMs) return newest
    const counts = Array.from({ length: stallBoundsMs.length + 1 }, () => 0)
    const slot = { beganMs: nowMs, worstMs: 0, worstAtMs: nowMs, counts }
    kept = [...kept.slice(1 - slots), slot]
    return slot
  }

  return {
    note(dueMs, nowMs) {
      const lateMs = Math.max(0, nowMs - dueMs)
      const slot = current(nowMs)
      const found = stallBoundsMs.findIndex((boundMs) => lateMs <= boundMs)
      slot.counts[found < 0 ? stallBoundsMs.length : found]! += 1
      if (lateMs < slot.worstMs) return
      slot.worstMs = lateMs
      slot.worstAtMs = nowMs
    },
    read(nowMs) {
      const recent = kept.filter(({ beganMs }) => nowMs - beganMs < slots * slotMs)
      const worst = recent.reduce<Slot | null>(
        (most, slot) => (most && most.worstMs > slot.worstMs ? most : slot),
        null,
      )
      return {
        worstMs: Math.round(worst?.worstMs ?? 0),
        worstAgoMs: Math.max(0, Math.round(worst ? nowMs - worst.worstAtMs : 0)),
        counts: stallBoundsMs
          .map((_, i) => sum(recent, i))
          .concat(sum(recent, stallBoundsMs.length)),
      }
    },
  }
}

const sum = (recent: Slot[], i: number) => recent.reduce((all, { counts }) => all + counts[i]!, 0)
