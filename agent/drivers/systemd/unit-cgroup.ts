// The processes of a unit: those in its cgroup, also when the manager has forgotten it (`KillMode=process` leaves some).
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UnitState } from './unit-state.ts'

/** The cgroup of a unit as a path; of one that is down, where it was. */
export function unitCgroup({ name, controlGroup, slice }: UnitState): string {
  const group = controlGroup || join(slicePath(slice || 'system.slice'), name)
  return join(hierarchy(), group)
}

/** Of the cgroup and all below it. What is there but cannot be read is a doubt, and thrown. */
export function processesBelow(path: string): number[] {
  try {
    const own = readFileSync(join(path, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)
    const below = readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory())
    return [...own.map(Number), ...below.flatMap((one) => processesBelow(join(path, one.name)))]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENODEV') return []
    throw error
  }
}

/** `a-b.slice` lies in `a.slice`; the root is called `-.slice`. */
function slicePath(slice: string): string {
  const parts = slice
    .replace(/\.slice$/, '')
    .split('-')
    .filter(Boolean)
  return join('/', ...parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`))
}

/** Where the manager keeps processes: the v2 hierarchy, or its own of v1. */
function hierarchy(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const line =
    lines.find((one) => one.includes(' - cgroup2 ')) ??
    lines.find((one) => one.includes('name=systemd'))
  return line?.split(' ')[4] ?? '/sys/fs/cgroup'
}
