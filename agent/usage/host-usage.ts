// What the whole machine uses: CPU time and memory, as the kernel counts them. Two small files, read in one go.
import { readFileSync } from 'node:fs'

export type HostReading = {
  /** CPU time since boot, of all CPUs together, in ticks: all there was, and what was not idle. */
  ticks: number
  busyTicks: number
  memoryBytes: number
}

/** One look at the machine. Throws where there is no /proc to look at. */
export function readHost(): HostReading {
  return {
    ...parseCpuLine(readFileSync('/proc/stat', 'latin1')),
    memoryBytes: parseMemory(readFileSync('/proc/meminfo', 'latin1')),
  }
}

/** The first line of /proc/stat. Time as a guest is part of user time already; waiting for a disk is idle time. */
export function parseCpuLine(text: string): { ticks: number; busyTicks: number } {
  const fields = text.slice(0, text.indexOf('\n')).trim().split(/\s+/)
  if (fields[0] !== 'cpu') throw new Error('/proc/stat does not begin with the sum of all CPUs')
  const [user, nice, system, idle, iowait, irq, softirq, steal] = fields.slice(1, 9).map(Number)
  const busyTicks =
    (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0)
  return { busyTicks, ticks: busyTicks + (idle ?? 0) + (iowait ?? 0) }
}

/** What of the memory could not be given to a new process. */
export function parseMemory(text: string): number {
  const kibibytes = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error(`/proc/meminfo has no ${name}`)
    return Number(found)
  }
  return Math.max(0, kibibytes('MemTotal') - kibibytes('MemAvailable')) * 1024
}
