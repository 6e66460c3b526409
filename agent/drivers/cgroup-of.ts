// In which cgroup (v2) a container's counters are, asked of its first process.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param part what the component of its path looks like that is the container as a whole
 * @returns none where the host has no such hierarchy, or the process is gone
 */
export function cgroupOf(pid: number, part: RegExp): string[] {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
    const point = mounts.find((line) => line.includes(' - cgroup2 '))?.split(' ')[4]
    const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))?.[1]
    if (point === undefined || own === undefined) return []
    const parts = own.split('/')
    const at = parts.findIndex((one) => part.test(one))
    return at < 0 ? [] : [join(point, ...parts.slice(0, at + 1))]
  } catch {
    return []
  }
}
