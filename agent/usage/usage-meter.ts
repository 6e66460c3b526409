// What this node and its services use, measured every few seconds for dynamic scheduling, and handed to the renewal that
// comes next. For scheduling only: nothing of safety rests on it, so whatever fails here is left out, and nobody waits.
import type { Clock, Timer, Timers } from '../../shared/clock.ts'
import type { Figures, NodeUsage } from '../../shared/scheduling.ts'
import type { Driver, ServiceReading } from '../drivers/driver.ts'
import type { HostReading } from './host-usage.ts'

export type UsageMeter = {
  /** What was measured since this was last asked; null: nothing new. */
  take(): NodeUsage | null
  /** The plane does not understand it: measures no more. */
  end(): void
}

export type UsageMeterDeps = {
  drivers: Driver[]
  clock: Clock
  timers: Timers
  cpus: number
  /** null: a virtual node, which has no machine of its own and uses what its services use. */
  readHost: (() => HostReading) | null
}

const everyMs = 10_000

type Reading = { atMs: number; host: HostReading | null; services: Map<string, ServiceReading> }

/** Measures from now on. */
export function createUsageMeter(deps: UsageMeterDeps): UsageMeter {
  let last: Reading | null = null
  let fresh: NodeUsage | null = null
  let timer: Timer | null = null
  let hasEnded = false

  async function measure(): Promise<void> {
    try {
      const reading = await read(deps)
      fresh = last === null ? null : between(last, reading, deps.cpus)
      last = reading
    } catch {
      last = null // the next two readings will do
    }
    if (!hasEnded) timer = deps.timers.set(() => void measure(), everyMs)
  }

  void measure()
  return {
    take() {
      const taken = fresh
      fresh = null
      return taken
    },
    end() {
      hasEnded = true
      fresh = null
      deps.timers.clear(timer)
    },
  }
}

async function read({ drivers, clock, readHost }: UsageMeterDeps): Promise<Reading> {
  const services = new Map<string, ServiceReading>()
  for (const driver of drivers)
    for (const reading of (await driver.measure?.()) ?? []) services.set(reading.sid, reading)
  return { atMs: clock.bootMs(), host: readHost?.() ?? null, services }
}

/** CPU time is a difference between two readings, memory what the later one found. */
function between(before: Reading, after: Reading, cpus: number): NodeUsage | null {
  const tookMs = after.atMs - before.atMs
  if (tookMs <= 0) return null
  const services: NodeUsage['services'] = []
  for (const { sid, generation, cpuMs, memoryBytes } of after.services.values()) {
    const earlier = before.services.get(sid)
    // Of a generation that has just been started there is no rate yet.
    if (earlier?.generation !== generation) continue
    services.push({ sid, ...figures((cpuMs - earlier.cpuMs) / tookMs, memoryBytes) })
  }
  return { node: hostFigures(before, after, cpus) ?? sumOf(services), services }
}

function hostFigures(before: Reading, after: Reading, cpus: number): Figures | null {
  if (before.host === null || after.host === null) return null
  const ticks = after.host.ticks - before.host.ticks
  const busy = after.host.busyTicks - before.host.busyTicks
  return figures(ticks <= 0 ? 0 : (busy / ticks) * cpus, after.host.memoryBytes)
}

function sumOf(services: Figures[]): Figures {
  return figures(
    services.reduce((sum, one) => sum + one.cpus, 0),
    services.reduce((sum, one) => sum + one.memoryBytes, 0),
  )
}

/** In thousandths of a CPU: what is finer is noise. Time of a process that ended can go missing; it is never negative. */
function figures(cpus: number, memoryBytes: number): Figures {
  return {
    cpus: Math.max(0, Math.round(cpus * 1000) / 1000),
    memoryBytes: Math.max(0, Math.round(memoryBytes)),
  }
}
