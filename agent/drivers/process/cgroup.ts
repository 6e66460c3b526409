// A cgroup (v2) for each started generation, below the agent's own, where the host allows it. Where it does not, the
// marks in the environment, the session and the process tree have to do.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isGone } from './proc-table.ts'

export type Cgroups = {
  /** Makes the cgroup of a generation; null if there can be none. */
  make(sid: string, generation: number): string | null
  /** A process is about to join: makes its cgroup, and the kernel ready for the move. */
  prepare(sid: string, generation: number): void
  /** Generations that have one. */
  list(): { sid: string; generation: number }[]
  /** Processes in the cgroup of a generation. */
  members(sid: string, generation: number): number[]
  /** Where the counters of a generation are, if it has a cgroup. */
  paths(sid: string, generation: number): string[]
  /** Kills all of them in one step, where the kernel can. */
  kill(sid: string, generation: number): void
  remove(sid: string, generation: number): void
}

/**
 * Below the agent's own cgroup, in a folder of this node. An agent that was started from another cgroup may have made
 * such a folder elsewhere: all of them are looked at.
 */
export function createCgroups(nodeUid: string): Cgroups {
  const mount = cgroupMount()
  const base = ownCgroup()
  const name = `holdfast-${nodeUid}`
  const folders = mount === null ? [] : below(mount.point).filter((one) => basename(one) === name)
  if (base !== null && !folders.includes(join(base, name))) folders.push(join(base, name))
  const own = (sid: string, generation: number) => join(base ?? '', name, `${sid}.${generation}`)
  const all = (sid: string, generation: number) =>
    folders.flatMap((folder) => below(join(folder, `${sid}.${generation}`)))

  function make(sid: string, generation: number): string | null {
    if (base === null) return null
    try {
      mkdirSync(own(sid, generation), { recursive: true })
      return own(sid, generation)
    } catch {
      return null
    }
  }

  return {
    make,
    prepare(sid, generation) {
      if (make(sid, generation) !== null) void expectMove()
    },
    list: () => folders.flatMap(inside).flatMap((path) => parseName(basename(path))),
    paths: (sid, generation) =>
      folders
        .map((folder) => join(folder, `${sid}.${generation}`))
        .filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined),
    members: (sid, generation) => all(sid, generation).flatMap(processesIn),
    kill(sid, generation) {
      for (const folder of folders)
        try {
          writeFileSync(join(folder, `${sid}.${generation}`, 'cgroup.kill'), '1')
        } catch {
          // No such file before Linux 5.14: each process is killed by its pid as well.
        }
    },
    remove(sid, generation) {
      try {
        for (const one of all(sid, generation).reverse()) rmdirSync(one)
      } catch {
        // A zombie is still in it: an empty cgroup does no harm.
      }
    },
  }
}

function parseName(name: string): { sid: string; generation: number }[] {
  const [, sid, generation] = /^(.+)\.(\d+)$/.exec(name) ?? []
  return sid === undefined ? [] : [{ sid, generation: Number(generation) }]
}

/**
 * The first move between cgroups after a rest waits for an RCU grace period, 10 to 20 ms; those that follow closely do
 * not. So this process "moves" to where it is already, again and again for a moment, while a grant is being confirmed.
 */
async function expectMove(): Promise<void> {
  try {
    const own = ownCgroup()
    for (let times = 0; own !== null && times < 12; times++) {
      await writeFile(join(own, 'cgroup.procs'), '0')
      await pause(5)
    }
  } catch {
    // Not allowed: the move then takes its time.
  }
}

/** A cgroup and all that were made inside it, parents first; none if there is no such cgroup. */
function below(path: string): string[] {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
  return isThere ? [path, ...inside(path).flatMap(below)] : []
}

/** The cgroups right inside one. What is there but cannot be read is a doubt, and thrown. */
function inside(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((one) => one.isDirectory()).map((one) => join(path, one.name))
  } catch (error) {
    if (isRemoved(error)) return []
    throw error
  }
}

function processesIn(path: string): number[] {
  try {
    const text = readFileSync(join(path, 'cgroup.procs'), 'latin1')
    return text.split('\n').filter(Boolean).map(Number)
  } catch (error) {
    // Those of a threaded cgroup are listed by the one it is in.
    const isThreaded = (error as NodeJS.ErrnoException).code === 'ENOTSUP'
    if (isThreaded || isRemoved(error)) return []
    throw error
  }
}

function isRemoved(error: unknown): boolean {
  return isGone(error) || (error as NodeJS.ErrnoException).code === 'ENODEV'
}

/** Where the v2 hierarchy is mounted, and what of it; null without one. */
function cgroupMount(): { root: string; point: string } | null {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const words = lines.find((line) => line.includes(' - cgroup2 '))?.split(' ')
  const [root, point] = [words?.[3], words?.[4]]
  return root === undefined || point === undefined ? null : { root, point }
}

/** Where this process is in the v2 hierarchy, as a path; null without one. */
function ownCgroup(): string | null {
  const mount = cgroupMount()
  const own = readFileSync('/proc/self/cgroup', 'latin1').match(/^0::(.*)$/m)?.[1]
  if (mount === null || own === undefined) return null
  const { root, point } = mount
  return join(point, root !== '/' && own.startsWith(root) ? own.slice(root.length) : own)
}
