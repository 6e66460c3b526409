// The host's processes, as /proc has them. A zombie counts only while threads of it still run.
import { readdirSync } from 'node:fs'
import { readProc } from './read-proc.ts'

export type ProcessEntry = {
  pid: number
  parent: number
  session: number
  /** In clock ticks since boot: with the pid, the identity of a process. */
  startTime: string
}

/** All processes alive now. */
export function readProcesses(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (name.charCodeAt(0) > 57) return []
    const entry = readProcess(Number(name))
    return entry ? [entry] : []
  })
}

/** One process; null if there is none, or only its remains. */
export function readProcess(pid: number): ProcessEntry | null {
  try {
    return parseStat(readProc(`/proc/${pid}/stat`))
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

/** Only these say that there is nothing: whatever else keeps a file from being read is a doubt, and thrown. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** Parses a line of /proc/PID/stat. The name in it may hold blanks and parentheses. */
export function parseStat(text: string): ProcessEntry | null {
  const pid = Number.parseInt(text, 10)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, , session] = fields
  const threads = Number(fields[17])
  const startTime = fields[19]
  if (!Number.isInteger(pid) || startTime === undefined) return null
  if (state === 'X' || (state === 'Z' && threads <= 1)) return null
  return { pid, parent: Number(parent), session: Number(session), startTime }
}

/** The value of an environment variable a process was started with; null if it has none, or may not be read. */
export function readMark(pid: number, name: string): string | null {
  let text: string
  try {
    text = readProc(`/proc/${pid}/environ`)
  } catch (error) {
    // Another user's process is none of ours.
    const { code } = error as NodeJS.ErrnoException
    if (isGone(error) || code === 'EACCES' || code === 'EPERM') return null
    throw error
  }
  const key = `${name}=`
  const at = text.startsWith(key) ? 0 : text.indexOf(`\0${key}`) + 1
  if (at === 0 && !text.startsWith(key)) return null
  const end = text.indexOf('\0', at)
  return text.slice(at + key.length, end < 0 ? undefined : end)
}
