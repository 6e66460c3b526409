// What each running service has used: from its cgroup where it has one with the counters, else from its processes, which
// are then those of its session and their descendants. An estimate for scheduling; who is stopped is never taken from it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import type { ServiceReading } from '../driver.ts'
import { parseStat } from './proc-table.ts'
import { readProc } from './read-proc.ts'

export type Running = { sid: string; generation: number; pid: number; cgroups: readonly string[] }

/** After so many services or processes others get their turn: a watchdog must not wait for statistics. */
const slice = 20

/** Reads the counters of each; a service that can be read neither way is left out. */
export async function readServices(running: readonly Running[]): Promise<ServiceReading[]> {
  const readings: ServiceReading[] = []
  let processes: Accounted[] | null = null
  for (const [index, { sid, generation, pid, cgroups }] of running.entries()) {
    if (index % slice === slice - 1) await breathe()
    let [cpuMs, memoryBytes] = [cpuOf(cgroups), memoryOf(cgroups)]
    if (cpuMs === null || memoryBytes === null) {
      processes ??= await readAccounts()
      const own = membersOf(pid, pidsIn(cgroups), processes)
      if (own.length === 0) continue
      cpuMs ??= own.reduce((sum, one) => sum + one.cpuMs, 0)
      memoryBytes ??= residentBytes(own)
    }
    readings.push({ sid, generation, cpuMs, memoryBytes })
  }
  return readings
}

// ── of a cgroup (v2): what it and all below it used ──────────────────────────────────────────────────────────────

function cpuOf(cgroups: readonly string[]): number | null {
  return sumOver(cgroups, (path) => {
    const text = read(join(path, 'cpu.stat'))
    return text === null ? null : keyed(text, 'usage_usec') / 1000
  })
}

/** What it holds but for file pages that would be given up first. */
function memoryOf(cgroups: readonly string[]): number | null {
  return sumOver(cgroups, (path) => {
    const text = read(join(path, 'memory.current'))
    if (text === null) return null
    return Math.max(0, Number(text) - keyed(read(join(path, 'memory.stat')) ?? '', 'inactive_file'))
  })
}

function sumOver(paths: readonly string[], of: (path: string) => number | null): number | null {
  let sum: number | null = null
  for (const path of paths) {
    const value = of(path)
    if (value !== null) sum = (sum ?? 0) + value
  }
  return sum
}

function keyed(text: string, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

function pidsIn(cgroups: readonly string[]): Set<number> {
  const lines = cgroups.flatMap((path) => (read(join(path, 'cgroup.procs')) ?? '').split('\n'))
  return new Set(lines.filter(Boolean).map(Number))
}

// ── of processes ─────────────────────────────────────────────────────────────────────────────────────────────────

type Accounted = { pid: number; parent: number; session: number; cpuMs: number }

/** USER_HZ: 100 on every Linux that Node.js runs on. */
const tickMs = 10

/** Every process of the host with its CPU time, and that of its children that have ended. */
async function readAccounts(): Promise<Accounted[]> {
  const found: Accounted[] = []
  for (const [index, name] of readdirSync('/proc').entries()) {
    if (name.charCodeAt(0) > 57) continue
    if (index % slice === slice - 1) await breathe()
    const text = read(`/proc/${name}/stat`)
    const entry = text === null ? null : parseStat(text)
    if (entry === null) continue
    const fields = text!.slice(text!.lastIndexOf(')') + 2).split(' ')
    // utime, stime, cutime, cstime: fields 14 to 17, counted from 1 and from before the name.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    found.push({ ...entry, cpuMs: ticks * tickMs })
  }
  return found
}

function membersOf(main: number, inCgroup: Set<number>, all: readonly Accounted[]): Accounted[] {
  const members = new Map<number, Accounted>()
  for (const one of all)
    if (one.pid === main || one.session === main || inCgroup.has(one.pid)) members.set(one.pid, one)
  for (let before = -1; before !== members.size; ) {
    before = members.size
    for (const one of all) if (one.parent > 1 && members.has(one.parent)) members.set(one.pid, one)
  }
  return [...members.values()]
}

/** What each has for itself; what they share is counted once, by the one that shows most of it. */
function residentBytes(members: readonly Accounted[]): number {
  let [own, shared] = [0, 0]
  for (const { pid } of members) {
    const text = read(`/proc/${pid}/status`) ?? ''
    const kibibytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
    own += kibibytes('RssAnon')
    shared = Math.max(shared, kibibytes('RssFile') + kibibytes('RssShmem'))
  }
  return (own + shared) * 1024
}

/** Of /proc or a cgroup. null: there is no such file, or it may not be read. */
function read(path: string): string | null {
  try {
    return readProc(path)
  } catch {
    return null
  }
}
