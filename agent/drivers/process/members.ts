// Which processes belong to which service: found by the mark in their environment, their cgroup, the session and the
// descendants of the launched process. Any of these is enough.
import type { Cgroups } from './cgroup.ts'
import { type ProcessEntry, readMark, readProcess, readProcesses } from './proc-table.ts'
import type { RunFiles } from './run-files.ts'

/** Every process of a service carries it: `<cluster uuid>/<node uid>/<sid>/<generation>`. */
export const serviceMark = 'HOLDFAST_SERVICE'

export type Owner = { clusterUuid: string; nodeUid: string }

export function markOf(owner: Owner, sid: string, generation: number): string {
  return `${owner.clusterUuid}/${owner.nodeUid}/${sid}/${generation}`
}

export type Group = {
  sid: string
  generation: number
  /** The launched process, if it lives. */
  main: ProcessEntry | null
  members: ProcessEntry[]
}

export type MemberSources = {
  owner: Owner
  cgroups: Cgroups
  runFiles: RunFiles
  /** What belonged to a service at an earlier look still does, whatever has become of its parent and its marks. */
  known: KnownMembers
}

/** By sid and generation. */
export type KnownMembers = Map<string, Group>

/** All services of this node that have any process, from one look at the whole host. */
export function findGroups(sources: MemberSources): Group[] {
  const { owner, cgroups, runFiles, known } = sources
  const processes = readProcesses()
  const byPid = new Map(processes.map((one) => [one.pid, one]))
  const groups = new Map<string, Group>()
  const group = (sid: string, generation: number): Group => {
    const key = `${sid}.${generation}`
    const made = groups.get(key) ?? { sid, generation, main: null, members: [] }
    groups.set(key, made)
    return made
  }
  const prefix = `${owner.clusterUuid}/${owner.nodeUid}/`
  for (const one of processes) {
    const mark = readMark(one.pid, serviceMark)
    if (!mark?.startsWith(prefix)) continue
    const [sid, generation] = mark.slice(prefix.length).split('/')
    if (sid !== undefined && /^\d+$/.test(generation ?? ''))
      group(sid, Number(generation)).members.push(one)
  }
  for (const { sid, generation, main } of runFiles.list()) {
    const found = group(sid, generation)
    const now = byPid.get(main.pid)
    // Another process with its pid: the session it led is over, or its number could not have been given again.
    const isReused = now !== undefined && now.startTime !== main.startTime
    if (now && !isReused) found.main = now
    if (!isReused) found.members.push(...processes.filter((one) => one.session === main.pid))
  }
  for (const { sid, generation, members } of known.values())
    for (const { pid, startTime } of members) {
      const now = byPid.get(pid)
      if (now?.startTime === startTime) group(sid, generation).members.push(now)
    }
  for (const { sid, generation } of cgroups.list()) group(sid, generation)
  known.clear()
  for (const [key, found] of groups) {
    complete(found, byPid, processes, cgroups)
    if (found.members.length > 0) known.set(key, found)
  }
  return [...known.values()]
}

/** Adds the cgroup and all descendants; each process once, and never this one. */
function complete(
  found: Group,
  byPid: Map<number, ProcessEntry>,
  processes: ProcessEntry[],
  cgroups: Cgroups,
): void {
  const members = new Map(found.members.map((one) => [one.pid, one]))
  for (const pid of cgroups.members(found.sid, found.generation)) {
    // Younger than the list of processes, or of another pid namespace (0): there is something all the same.
    const unseen = { pid, parent: 0, session: 0, startTime: '' }
    members.set(pid, byPid.get(pid) ?? readProcess(pid) ?? unseen)
  }
  for (let before = -1; before !== members.size; ) {
    before = members.size
    // Parents 0 and 1 are nobody of ours: below them is the whole host.
    for (const one of processes)
      if (one.parent > 1 && members.has(one.parent)) members.set(one.pid, one)
  }
  members.delete(process.pid)
  found.members = [...members.values()]
}
