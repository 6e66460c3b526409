// LXC leaves a container's cgroups behind when it was killed, and its monitor's on many hosts always; a service that is
// restarted often would fill the host with them. The kernel removes none that has a process in it.
import { readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** Removes those that LXC made for containers of this name, as far as they are empty. */
export function removeEmptyCgroups(container: string): void {
  const name = container.replaceAll(/[.@]/g, '\\$&')
  const own = new RegExp(`^lxc\\.(payload|monitor)\\.${name}(-\\d+)?$`)
  for (const point of cgroupMounts())
    for (const folder of foldersIn(point)) if (own.test(folder)) removeTree(join(point, folder))
}

/** Of every hierarchy, of either version. */
function cgroupMounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .flatMap((line) => line.split(' ')[4] ?? [])
}

function removeTree(path: string): void {
  for (const folder of foldersIn(path)) removeTree(join(path, folder))
  try {
    rmdirSync(path)
  } catch {
    // Something is in it, or it is gone.
  }
}

function foldersIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((one) => one.isDirectory()).map(({ name }) => name)
  } catch {
    return []
  }
}
