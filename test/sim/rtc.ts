// The RTC of a virtual machine: it follows true time in whole seconds, however long the machine stands still.
import type { OutsideClock } from '../../agent/outside-clock/outside-clock.ts'
import type { Scheduler } from './scheduler.ts'

export function rtcOf(scheduler: Scheduler): OutsideClock {
  const readMs = () => Math.floor(scheduler.nowMs / 1_000) * 1_000
  return { name: 'rtc0', stepMs: 1_000, readMs }
}
