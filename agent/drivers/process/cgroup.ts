// A cgroup (v2) for each started generation, below the agent's own, where the host allows it. Where it does not, the
// marks in the environment, the session and the process tree have to do.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Cgroups = {
  /** Makes the cgroup of a generation; null if there can be none. */
  make(sid: string, generation: number): string | null
  /** Processes in the cgroup of a generation. */
  members(sid: string, generation: number): number[]
  /** Kills all of them in one step, where the kernel can. */
  kill(sid: string, generation: number): void
  remove(sid: string, generation: number): void
}

/** Below the agent's own cgroup, in a folder of this node. */
export function createCgroups(nodeUid: string): Cgroups {
  const base = ownCgroup()
  const path = (sid: string, generation: number) =>
    join(base ?? '', `holdfast-${nodeUid}`, `${sid}.${generation}`)

  return {
    make(sid, generation) {
      if (base === null) return null
      try {
        mkdirSync(path(sid, generation), { recursive: true })
        return path(sid, generation)
      } catch {
        return null
      }
    },
    members(sid, generation) {
      return base === null ? [] : below(path(sid, generation)).flatMap(processesIn)
    },
    kill(sid, generation) {
      if (base === null) return
      try {
        writeFileSync(join(path(sid, generation), 'cgroup.kill'), '1')
      } catch {
        // No such file before Linux 5.14: each process is killed by its pid as well.
      }
    },
    remove(sid, generation) {
      if (base === null) return
      try {
        for (const one of below(path(sid, generation)).reverse()) rmdirSync(one)
      } catch {
        // A zombie is still in it: an empty cgroup does no harm.
      }
    },
  }
}

/** A cgroup and all that were made inside it, parents first; none if there is no such cgroup. */
function below(path: string): string[] {
  try {
    const inside = readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory())
    return [path, ...inside.flatMap((one) => below(join(path, one.name)))]
  } catch {
    return []
  }
}

function processesIn(path: string): number[] {
  try {
    const text = readFileSync(join(path, 'cgroup.procs'), 'latin1')
    return text.split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Where this process is in the v2 hierarchy, as a path; null without one. */
function ownCgroup(): string | null {
  try {
    const mount = readFileSync('/proc/self/mountinfo', 'latin1')
      .split('\n')
      .find((line) => line.includes(' - cgroup2 '))
      ?.split(' ')
    const own = readFileSync('/proc/self/cgroup', 'latin1').match(/^0::(.*)$/m)?.[1]
    const [root, point] = [mount?.[3], mount?.[4]]
    if (root === undefined || point === undefined || own === undefined) return null
    const inside = root !== '/' && own.startsWith(root) ? own.slice(root.length) : own
    return join(point, inside)
  } catch {
    return null
  }
}
