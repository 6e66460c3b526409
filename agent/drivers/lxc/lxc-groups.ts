// Which processes belong to which container: what the agent marked (LXC's own monitor, in its environment; the container's,
// in theirs), what the run file names, and all that descends from these. Any of them is enough, for a program may overwrite
// its environment, and LXC calls a container stopped as soon as its monitor is gone. A monitor without any mark is told by
// the name of its container: somebody else has started that.
import { readFileSync, readlinkSync } from 'node:fs'
import { isGone, type ProcessEntry, readMark, readProcesses } from '../process/proc-table.ts'
import type { Group, Owner } from '../process/members.ts'
import type { RunFiles } from '../process/run-files.ts'
import type { Container } from './lxc-config.ts'
import { startedBy, wordsOf } from './lxc-words.ts'

/** `<cluster uuid>/<node uid>/<sid>/<generation>`; of LXC's own monitor with `/monitor` at the end. */
export const containerMark = 'HOLDFAST_CT'

export type Named = { sid: string; container: Container }

/** @param named services whose containers are looked for by name, too; what bears no mark counts as generation 0 */
export function findContainers(
  owner: Owner,
  runFiles: RunFiles,
  named: readonly Named[] = [],
): Group[] {
  const processes = readProcesses()
  const groups = new Map<string, Group>()
  const group = (sid: string, generation: number): Group => {
    const key = `${sid}.${generation}`
    const made = groups.get(key) ?? { sid, generation, main: null, members: [] }
    groups.set(key, made)
    return made
  }
  const monitors = new Set<number>()
  for (const one of processes) {
    const mark = readMark(one.pid, containerMark)
    const found = mark === null ? withoutMark(one.pid, named) : parseMark(owner, mark)
    if (!found) continue
    group(found.sid, found.generation).members.push(one)
    if (found.isMonitor) monitors.add(one.pid)
  }
  for (const { sid, generation, main } of runFiles.list()) {
    const now = processes.find(({ pid }) => pid === main.pid)
    if (now?.startTime === main.startTime) group(sid, generation).members.push(now)
  }
  for (const found of groups.values()) complete(found, processes, monitors)
  return [...groups.values()]
}

/** Adds all descendants, each process once, and picks the first process of the container. */
function complete(found: Group, processes: ProcessEntry[], monitors: Set<number>): void {
  const members = new Map(found.members.map((one) => [one.pid, one]))
  for (let before = -1; before !== members.size; ) {
    before = members.size
    for (const one of processes)
      if (one.parent > 1 && members.has(one.parent)) members.set(one.pid, one)
  }
  members.delete(process.pid)
  found.members = [...members.values()]
  found.main =
    found.members.find(({ pid, parent }) => monitors.has(parent) && isFirst(pid, parent)) ?? null
}

/**
 * Whether the container's own first process has begun. Hooks are children of the monitor, too: it is number 1 in a
 * namespace of its own. And until it has become its program, it is a piece of LXC's whose start may still come to nothing.
 */
function isFirst(pid: number, monitor: number): boolean {
  try {
    const numbers = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    if (!/\s1$/.test(numbers ?? '')) return false
    return readlinkSync(`/proc/${pid}/exe`) !== readlinkSync(`/proc/${monitor}/exe`)
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** LXC's own process of a container that somebody else has started. */
function withoutMark(pid: number, named: readonly Named[]) {
  if (named.length === 0) return null
  const started = startedBy(wordsOf(pid))
  const isIt = ({ container: { path, name } }: Named) =>
    started?.name === name && (started.path ?? path) === path
  const sid = started && named.find(isIt)?.sid
  return sid ? { sid, generation: 0, isMonitor: true } : null
}

function parseMark(owner: Owner, mark: string | null) {
  const prefix = `${owner.clusterUuid}/${owner.nodeUid}/`
  if (!mark?.startsWith(prefix)) return null
  const [sid, generation = '', role] = mark.slice(prefix.length).split('/')
  return sid === undefined || !/^\d+$/.test(generation)
    ? null
    : { sid, generation: Number(generation), isMonitor: role === 'monitor' }
}
