// How long an order to a driver may still be acted upon. A driver gets ready first, and asks again at the last moment.
import type { Clock } from '../../shared/clock.ts'
import type { OutsideClock } from '../outside-clock/outside-clock.ts'
import { frozenMs } from './decide/frozen.ts'

/** Not later than `untilMs`, and not if this machine was frozen since now. */
export function leaveUntil(
  { clock, outside }: { clock: Clock; outside: OutsideClock | null },
  untilMs: number,
): () => boolean {
  const bootMs = clock.bootMs()
  const outsideMs = outside?.readMs() ?? null
  return () => {
    const nowMs = clock.bootMs()
    if (nowMs > untilMs) return false
    if (outside === null || outsideMs === null) return true
    const now = { bootMs: nowMs, outsideMs: outside.readMs() ?? outsideMs }
    return frozenMs({ bootMs, outsideMs }, now, outside.stepMs) === 0
  }
}
