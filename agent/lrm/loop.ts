// The agent's loop: gather what happened → decide → carry it out. Driven by events; one timer, for the next deadline.
// Effects run in the order decided, so that feeding comes before anything that could take time.
import type { Clock, Timer, Timers } from '../../shared/clock.ts'
import type { StallMeter } from '../health/stalls.ts'
import type { OutsideClock } from '../outside-clock/outside-clock.ts'
import { decideLrm } from './decide/decide.ts'
import type { OutsideReading } from './decide/clock-pair.ts'
import type { LrmEvent } from './decide/effect.ts'
import type { Lrm } from './decide/lrm.ts'
import type { RunEffect } from './effects.ts'

export type Loop = {
  /** Something happened. */
  tell(event: LrmEvent): void
  /** Decides for the first time. */
  begin(): void
  /** Decides no more. */
  end(): void
  readonly lrm: Lrm
}

export type LoopDeps = {
  clock: Clock
  timers: Timers
  /** At most so long asleep, if not as usual. */
  longestSleepMs?: number
  lrm: Lrm
  /** Of a virtual machine: read for every decision. */
  outside?: OutsideClock | null
  /** Told of every decision, when it was due and when it came. */
  stalls?: Pick<StallMeter, 'note'> | undefined
  createEffects(tell: (event: LrmEvent) => void): RunEffect
}

/** Asleep no longer: CLOCK_BOOTTIME goes on through a suspend, timers do not. */
const usualSleepMs = 1_000

export function createLoop(deps: LoopDeps): Loop {
  const { longestSleepMs = usualSleepMs } = deps
  let { lrm } = deps
  let events: LrmEvent[] = []
  let isDeciding = false
  let hasBegun = false
  let hasEnded = false
  let timer: Timer | null = null
  let dueMs = Number.POSITIVE_INFINITY
  const run = deps.createEffects(tell)

  function tell(event: LrmEvent): void {
    events.push(event)
    if (hasBegun) decide()
  }

  function decide(): void {
    // What effects tell while they run is taken up by the round that runs them.
    if (isDeciding || hasEnded) return
    isDeciding = true
    let wakeAtMs: number
    do {
      // Boottime first: a freeze between the two readings is found now.
      const nowMs = deps.clock.bootMs()
      // Whatever brings a decision: later than its timer was due, nothing was fed meanwhile.
      if (nowMs >= dueMs) deps.stalls?.note(dueMs, nowMs)
      dueMs = Number.POSITIVE_INFINITY
      const input = { nowMs, events, outside: readOutside(deps.outside ?? null) }
      events = []
      const decision = decideLrm(lrm, input)
      lrm = decision.lrm
      wakeAtMs = decision.wakeAtMs
      for (const effect of decision.effects) if (!hasEnded) run(effect)
    } while (events.length > 0 && !hasEnded)
    isDeciding = false
    if (!hasEnded) sleepUntil(wakeAtMs)
  }

  function sleepUntil(wakeAtMs: number): void {
    deps.timers.clear(timer)
    const sleepMs = Math.min(longestSleepMs, Math.max(1, wakeAtMs - deps.clock.bootMs()))
    dueMs = deps.clock.bootMs() + Math.ceil(sleepMs)
    timer = deps.timers.set(decide, Math.ceil(sleepMs))
  }

  return {
    tell,
    begin() {
      hasBegun = true
      decide()
    },
    end() {
      hasEnded = true
      deps.timers.clear(timer)
    },
    get lrm() {
      return lrm
    },
  }
}

function readOutside(outside: OutsideClock | null): OutsideReading | null {
  const outsideMs = outside?.readMs() ?? null
  if (outside === null || outsideMs === null) return null
  return { name: outside.name, stepMs: outside.stepMs, outsideMs }
}
