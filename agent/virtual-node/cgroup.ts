// A cgroup (v2) around a virtual node, where this user may make one: nothing inside can leave it, whatever it forks.
// Where none can be made the node does without: its processes are then found by their mark alone.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Cgroup = {
  directory: string
  /** Process ids in it and below it. */
  members(): number[]
  kill(): void
  remove(): void
}

/** Makes the cgroup `name` below our own, or returns null where that is not allowed. */
export function makeCgroup(name: string): Cgroup | null {
  const parent = ownCgroup()
  if (parent === null) return null
  const directory = join(parent, name)
  try {
    mkdirSync(directory)
  } catch {
    return null
  }
  return cgroupAt(directory)
}

/** The cgroup `name` of an earlier run, if it is still there. */
export function findCgroup(name: string): Cgroup | null {
  const parent = ownCgroup()
  const directory = parent === null ? null : join(parent, name)
  return directory !== null && existsSync(directory) ? cgroupAt(directory) : null
}

function cgroupAt(directory: string): Cgroup {
  return {
    directory,
    members: () => eachBelow(directory).flatMap(readMembers),
    kill() {
      try {
        // Kernel 5.14 and later; the callers kill the members one by one as well.
        writeFileSync(join(directory, 'cgroup.kill'), '1')
      } catch {}
    },
    remove() {
      for (const each of eachBelow(directory).reverse())
        try {
          rmdirSync(each)
        } catch {}
    },
  }
}

/** The directory and all below it, parents first. */
function eachBelow(directory: string): string[] {
  try {
    const below = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => eachBelow(join(directory, entry.name)))
    return [directory, ...below]
  } catch {
    return []
  }
}

function readMembers(directory: string): number[] {
  try {
    const text = readFileSync(join(directory, 'cgroup.procs'), 'latin1')
    return text.split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Our own cgroup's directory in the unified hierarchy, wherever that is mounted. */
function ownCgroup(): string | null {
  try {
    const mount = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4]
    const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    if (mount === undefined || own === undefined) return null
    const directory = join(mount, own)
    return existsSync(join(directory, 'cgroup.procs')) ? directory : null
  } catch {
    return null
  }
}
