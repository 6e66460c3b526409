// Noticing that a main process is gone: of a child the kernel tells; of one that an earlier agent started, a look every
// quarter of a second.
import type { ChildProcess } from 'node:child_process'
import { gateClosedCode, noUserCode, notNotedCode } from './launch.ts'
import { type ProcessEntry, readProcess } from './proc-table.ts'

const lookEveryMs = 250

export type Ended = {
  pid: number
  /** How it ended, if it does so within `ms`; null if it still runs then. */
  within(ms: number): Promise<string | null>
  /** Calls back once it has ended; at once if it has. */
  whenEnded(callback: (detail: string) => void): void
}

/** Follows a child of this process. */
export function watchChild(child: ChildProcess): Ended {
  const callbacks: ((detail: string) => void)[] = []
  let detail: string | null = null
  const end = (how: string) => {
    if (detail !== null) return
    detail = how
    for (const callback of callbacks.splice(0)) callback(how)
  }
  child.once('error', (error) => end(error.message))
  child.once('exit', (code, signal) => end(describe(code, signal)))
  const followed: Ended = {
    pid: child.pid ?? -1,
    within: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(null), ms)
        followed.whenEnded((how) => {
          clearTimeout(timer)
          resolve(how)
        })
      }),
    whenEnded(callback) {
      if (detail === null) callbacks.push(callback)
      else callback(detail)
    },
  }
  return followed
}

/** Follows a process that is no child of this one; returns how to stop following. */
export function watchProcess(entry: ProcessEntry, ended: (detail: string) => void): () => void {
  const timer = setInterval(() => {
    if (mayLive(entry)) return
    clearInterval(timer)
    ended('ended while no child of this agent')
  }, lookEveryMs).unref()
  return () => clearInterval(timer)
}

/** One that cannot be looked at just now is looked at again. */
function mayLive({ pid, startTime }: ProcessEntry): boolean {
  try {
    return readProcess(pid)?.startTime === startTime
  } catch {
    return true
  }
}

function describe(code: number | null, signal: NodeJS.Signals | null): string {
  if (code === gateClosedCode) return 'the start gate was closed'
  if (code === noUserCode) return 'there is no such user here'
  if (code === notNotedCode) return 'the run file could not be written'
  if (code === 127) return 'exit code 127: the command was not found'
  if (code === 126) return 'exit code 126: the command cannot be executed'
  return signal ? `killed by ${signal}` : `exit code ${code}`
}
