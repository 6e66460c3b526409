// Which processor a process may use, by taskset. On a machine with one processor, or without taskset, nothing is pinned,
// and the figures say so.
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import { readdirSync, readFileSync } from 'node:fs'

/** Binds all threads of `pid` to processor `cpu`; what it starts later inherits that. True if it worked. */
export function pin(pid: number, cpu: number): boolean {
  if (os.availableParallelism() < 2) return false
  return spawnSync('taskset', ['-acp', String(cpu), String(pid)]).status === 0
}

/** Lets it use all processors again. */
export function unpin(pid: number): void {
  spawnSync('taskset', ['-acp', `0-${os.cpus().length - 1}`, String(pid)])
}

/** A process and its children: Postgres has one for each connection. */
export function family(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid)
  return [pid, ...children]
}

function parentOf(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1])
  } catch {
    return null
  }
}
