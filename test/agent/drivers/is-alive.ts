// Whether a process lives, asked of the kernel.
import { existsSync, readFileSync } from 'node:fs'

export function isAlive(pid: string): boolean {
  const stat = `/proc/${pid}/stat`
  return existsSync(stat) && !readFileSync(stat, 'utf8').includes(') Z ')
}
