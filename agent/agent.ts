// One agent put together from its parts, whatever these are made of: the real machine's, or a simulated one's.
import type { Clock, Timers } from '../shared/clock.ts'
import { profiles, type Timing } from '../shared/timing.ts'
import type { Boot } from './boot.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import type { Driver, DriverEvents } from './drivers/driver.ts'
import type { Health } from './health/health.ts'
import type { Identity } from './identity.ts'
import type { Log } from './log.ts'
import { resumeLrm } from './lrm/decide/resume.ts'
import { createEffects } from './lrm/effects.ts'
import type { JournalStore } from './lrm/journal.ts'
import { createLoop, type Loop } from './lrm/loop.ts'
import { createQuestions } from './questions.ts'
import type { UsageMeter } from './usage/usage-meter.ts'
import type { OutsideClock } from './outside-clock/outside-clock.ts'
import { infoUnder } from './watchdog/info-under.ts'
import type { Watchdog } from './watchdog/watchdog.ts'

export const agentVersion = '0.1.0'

export type AgentParts = {
  identity: Identity
  boot: Boot
  watchdog: Watchdog
  /** Of a virtual machine: a clock that goes on while it is frozen; null: none. */
  outside: OutsideClock | null
  createDrivers(events: DriverEvents): Driver[]
  /** Measures what the node and its services use; absent: nothing does. */
  createMeter?(drivers: Driver[]): UsageMeter
  /** Absent: tells nothing of how its lives end, and does no drills. */
  health?: Health
  client: ControlPlaneClient
  journal: JournalStore
  clock: Clock
  timers: Timers
  /** Of its loop, if not as usual. */
  longestSleepMs?: number
  log: Log
  /** Ends the process. */
  exit(code: number): void
}

/** An agent that is ready to begin: `begin()` on what is returned. */
export function createAgent(parts: AgentParts): Loop {
  const { identity, boot, watchdog, outside, clock, timers, log } = parts
  const { clusterUuid, nodeUid } = identity
  const { bootId, hardwareId } = boot
  const drivers = parts.createDrivers({
    exited: (sid, generation, detail) => loop.tell({ kind: 'exited', sid, generation, detail }),
    arrived: (sid, generation) => loop.tell({ kind: 'arrived', sid, generation }),
  })
  const types = drivers.map((driver) => driver.type)
  const old = parts.journal.read()
  const firstTiming = identity.timing ?? profiles.default
  const state = {
    info: infoUnder(watchdog, old.journal?.timing ?? firstTiming),
    factor: watchdog.factor,
    leastMs: watchdog.leastMs,
  }
  const lrm = resumeLrm({
    ...{ self: { clusterUuid, nodeUid, bootId, drivers: types, virtual: boot.virtual } },
    nowMs: clock.bootMs(),
    ...{ journal: old.journal, note: old.note, managed: old.managed, firstTiming },
    watchdog: { ...state, running: watchdog.isRunning() },
    lastDrill: parts.health?.drills.lastUid ?? null,
  })
  const aboutNode = () => ({
    ...{ clusterUuid, nodeUid, bootId, hardwareId },
    ...nodeFacts(boot, { watchdog, outside }, types, loop.lrm.timing),
  })
  const exit = (code: number) => {
    loop.end()
    meter?.end()
    parts.exit(code)
  }
  const { journal, client, health } = parts
  const meter = parts.createMeter?.(drivers) ?? null
  const questions = createQuestions({ drivers, client, log, timers })
  const deps = {
    ...{ clock, timers, outside, watchdog, drivers, journal, client, log, meter },
    ...{ aboutNode, exit, health, bootId, questions },
  }
  const loop: Loop = createLoop({
    ...{ clock, timers, lrm, outside, stalls: health?.stalls },
    ...(parts.longestSleepMs !== undefined && { longestSleepMs: parts.longestSleepMs }),
    createEffects: (tell) => createEffects(deps, tell),
  })
  lookAtWatchdog({ watchdog, timers, loop })
  log('info', 'agent begins', { version: agentVersion, bootId, watchdog: state.info })
  return loop
}

/** How often a device that is not open is looked at: another program may take it, or let go of it. */
const lookEveryMs = 10_000

function lookAtWatchdog(parts: Pick<AgentParts, 'watchdog' | 'timers'> & { loop: Loop }): void {
  const { watchdog, timers, loop } = parts
  const look = () => {
    timers.set(look, lookEveryMs)
    const known = loop.lrm.watchdog
    if (known.open) return
    const { class: seen, note } = infoUnder(watchdog, loop.lrm.timing)
    if (seen === known.class) return
    const counting = watchdog.isRunning()
    loop.tell({ kind: 'watchdog-seen', class: seen, counting, why: note ?? '' })
  }
  timers.set(look, lookEveryMs)
}

/** What a node says of itself when it joins or asks for an epoch. */
export function nodeFacts(
  boot: Boot,
  { watchdog, outside }: Pick<AgentParts, 'watchdog' | 'outside'>,
  drivers: Driver['type'][],
  timing: Timing,
) {
  return {
    capacity: boot.capacity,
    watchdog: {
      ...infoUnder(watchdog, timing),
      ...(outside && { outsideClock: outside.name.slice(0, 50) }),
    },
    virtual: boot.virtual,
    drivers,
    agentVersion,
  }
}
