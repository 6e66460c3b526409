// Every process of a virtual node: those that carry its boot id in their environment, those in its cgroup, those its agent
// wrote down as services with their sessions, and whatever descends from any. A service may leave its environment, its
// session or its parent; it does not leave all of these at once.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cgroup } from './cgroup.ts'

/** The environment variable that marks all processes of one boot of one node. */
export const bootMark = 'HOLDFAST_NODE_BOOT'

export type Tree = {
  bootId: string
  cgroup: Cgroup | null
  /** The agent's process, when there is one: it may be too young to show the mark. */
  agentPid(): number | null
  /** Folder in which the agent's driver writes down each service's first process: boot id and its line of /proc/PID/stat. */
  runFiles: string
}

type Process = { pid: number; ppid: number; session: number; started: string; stopped: boolean }

/** The living processes of the tree; zombies do not count, they execute nothing. */
export function findTree(tree: Tree): Process[] {
  const all = living()
  const children = new Map<number, Process[]>()
  for (const process of all.values()) {
    const siblings = children.get(process.ppid)
    if (siblings) siblings.push(process)
    else children.set(process.ppid, [process])
  }
  const found = new Map<number, Process>()
  const pending: Process[] = []
  const inCgroup = new Set(tree.cgroup?.members() ?? [])
  const agentPid = tree.agentPid()
  const sessions = sessionsOf(tree, all)
  for (const process of all.values())
    if (
      process.pid === agentPid ||
      inCgroup.has(process.pid) ||
      sessions.has(process.session) ||
      isMarked(process.pid, tree.bootId)
    )
      pending.push(process)
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next.pid)) continue
    found.set(next.pid, next)
    pending.push(...(children.get(next.pid) ?? []))
  }
  // SAFETY: a wrong mark in our own environment must not make us kill ourselves before the tree.
  found.delete(process.pid)
  return [...found.values()]
}

/** The sessions of services that were written down in this boot and whose first process still is the one written down. */
function sessionsOf(tree: Tree, all: Map<number, Process>): Set<number> {
  const sessions = new Set<number>()
  for (const text of filesIn(tree.runFiles)) {
    if (!text.startsWith(`${tree.bootId} `)) continue
    const known = parseStat(text.slice(tree.bootId.length + 1))
    if (known && all.get(known.pid)?.started === known.started) sessions.add(known.pid)
  }
  return sessions
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1'))
  } catch {
    return []
  }
}

/**
 * Kills the tree and returns how many processes that took, once none is left.
 * Looks twice more after the last one: a process may fork while the list is being read.
 */
export async function killTree(tree: Tree): Promise<number> {
  const killed = new Set<number>()
  for (let clean = 0; clean < 2; ) {
    tree.cgroup?.kill()
    const found = findTree(tree)
    for (const { pid } of found) {
      killed.add(pid)
      signal(pid, 'SIGKILL')
    }
    clean = found.length === 0 ? clean + 1 : 0
    await pause(found.length === 0 ? 2 : 10)
  }
  tree.cgroup?.remove()
  return killed.size
}

/** Stops every process (SIGSTOP), as a machine that hangs: repeated until none runs that could fork another. */
export async function stopTree(tree: Tree): Promise<number> {
  for (let round = 0; round < 50; round++) {
    const running = findTree(tree).filter((process) => !process.stopped)
    if (running.length === 0) break
    for (const { pid } of running) signal(pid, 'SIGSTOP')
    await pause(5)
  }
  return findTree(tree).length
}

/** Lets a stopped tree go on. */
export function continueTree(tree: Tree): number {
  const found = findTree(tree)
  for (const { pid } of found) signal(pid, 'SIGCONT')
  return found.length
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone in the meantime, which is all that was wanted.
  }
}

function living(): Map<number, Process> {
  const all = new Map<number, Process>()
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue
    const process = readStat(Number(name))
    if (process) all.set(process.pid, process)
  }
  return all
}

function readStat(pid: number): Process | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  return parseStat(text)
}

function parseStat(text: string): Process | null {
  // "pid (name) state ppid group session …": the name may hold blanks and brackets, so count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, ppid, , session] = fields
  if (state === undefined || state === 'Z' || state === 'X' || state === 'x') return null
  return {
    pid: Number(text.slice(0, text.indexOf(' '))),
    ppid: Number(ppid),
    session: Number(session),
    started: fields[19] ?? '',
    stopped: state === 'T' || state === 't',
  }
}

function isMarked(pid: number, bootId: string): boolean {
  try {
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`
    return environment.includes(`\0${bootMark}=${bootId}\0`)
  } catch {
    // Another user's process; ours are never.
    return false
  }
}
