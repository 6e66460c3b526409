// Containers that an earlier run of the tests left on this machine because it was killed: ended before a new rig begins. The
// folder of a rig bears the identity of the process that made it, and stands in the command line of each container's monitor.
// Must never touch what a living run has.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readProcess, readProcesses } from '../../../agent/drivers/process/proc-table.ts'

const prefix = 'holdfast-lxc-'
const owned = new RegExp(`/${prefix}(\\d+)-(\\d+)-\\w+`)

/** A folder that says whose it is. */
export function makeOwnedFolder(): string {
  const { pid } = process
  return mkdtempSync(join(tmpdir(), `${prefix}${pid}-${readProcess(pid)!.startTime}-`))
}

/** Monitors of containers in folders of runs that are gone: their pids. */
function leftMonitors(): number[] {
  return readProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => {
      const line = commandLine(pid)
      return line.startsWith('[lxc monitor]') && isLeft(line)
    })
}

/** Ends them with everything below them, and takes their folders away. */
export function endLeftContainers(): void {
  // The first processes of containers go first: their monitor clears up after them, or goes as well.
  for (const monitor of leftMonitors()) for (const pid of [...below(monitor), monitor]) end(pid)
  for (const name of readdirSync(tmpdir()))
    if (isLeft(join(tmpdir(), name)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 5 })
}

/** It names the folder of a process that is not there any more. */
function isLeft(text: string): boolean {
  const [, pid, startTime] = owned.exec(text) ?? []
  return pid !== undefined && readProcess(Number(pid))?.startTime !== startTime
}

function below(pid: number): number[] {
  const children = readProcesses().filter(({ parent }) => parent === pid)
  return children.flatMap((child) => [...below(child.pid), child.pid])
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // gone meanwhile
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
