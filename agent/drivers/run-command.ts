// Running a tool of the host to its end: in a process group of its own, which is killed as a whole at the timeout, with
// bounded output. No shell. What it said is data for the caller; nothing is decided here.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'

export type CommandResult = {
  /** Exit code; null: it was killed, or could not be run. */
  code: number | null
  stdout: string
  stderr: string
  isTimeout: boolean
}

export type CommandOptions = {
  timeoutMs: number
  /** Added to PATH and a plain locale, which are all it inherits. */
  environment?: Record<string, string>
  input?: string
  directory?: string
  /** More output than this is cut off. */
  mostBytes?: number
  /** Aborted: it is killed at once, as at the timeout. */
  signal?: AbortSignal
  /** Its own end is the end, also while something it has left running keeps its output open. */
  leavesRunning?: boolean
  /** Called once when the kernel has ended it, which may be after the result. */
  onGone?: () => void
}

const lastWordsMs = 20
/** How long the end of what was killed is waited for. What sleeps uninterruptibly, or is frozen, does not end. */
const killedWithinMs = 100

/** Resolves when it has ended, whichever way, or was killed, whether or not the kernel could end it; never rejects. */
export function runCommand(
  program: string,
  args: string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { timeoutMs, environment, input, directory, mostBytes = 1024 * 1024, signal } = options
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: directory ?? '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: searchPath(), LC_ALL: 'C.UTF-8', ...environment, ...nodeMark() },
    })
    judgeByItself(child.pid)
    const stdout = collect(child.stdout, mostBytes)
    const stderr = collect(child.stderr, mostBytes)
    let isTimeout = false
    let giveUp: NodeJS.Timeout | undefined
    // Whoever took the pipes along must not hold up the answer.
    const letGo = () => {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const kill = () => {
      killGroup(child.pid)
      letGo()
      giveUp ??= setTimeout(abandon, killedWithinMs)
    }
    const killer = setTimeout(() => {
      isTimeout = true
      kill()
    }, timeoutMs)
    signal?.addEventListener('abort', kill, { once: true })
    if (signal?.aborted) kill()
    const settle = (code: number | null, fault = '') => {
      clearTimeout(killer)
      clearTimeout(giveUp)
      signal?.removeEventListener('abort', kill)
      resolve({ code, stdout: stdout(), stderr: stderr() + fault, isTimeout })
    }
    function abandon(): void {
      child.stdin.destroy()
      child.unref()
      settle(null, ' (it cannot be killed)')
    }
    child.once('error', (error) => {
      if (child.pid === undefined) options.onGone?.()
      settle(null, error.message)
    })
    child.once('exit', () => options.onGone?.())
    child.once('close', (code) => settle(code))
    // What it said last may still be in the pipes.
    if (options.leavesRunning) child.once('exit', () => setTimeout(letGo, lastWordsMs))
    child.stdin.on('error', () => {}) // it ended without reading
    child.stdin.end(input ?? '')
  })
}

/** Of a virtual node: what its processes start goes down with its power. Empty on a machine of its own. */
function nodeMark(): Record<string, string> {
  const boot = process.env['HOLDFAST_NODE_BOOT']
  return boot === undefined ? {} : { HOLDFAST_NODE_BOOT: boot }
}

/** Where tools of the system are, also for a daemon that was given no PATH. */
export function searchPath(): string {
  return process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

function collect(stream: NodeJS.ReadableStream, mostBytes: number): () => string {
  const parts: Buffer[] = []
  let bytes = 0
  stream.on('data', (part: Buffer) => {
    const room = mostBytes - bytes
    if (room > 0) parts.push(part.subarray(0, room))
    bytes += part.length
  })
  return () => Buffer.concat(parts).toString('utf8')
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended in this very moment.
  }
}

/** The agent may be exempt from the kernel's OOM killer; what its tools start must not be. */
function judgeByItself(pid: number | undefined): void {
  try {
    if (pid !== undefined) writeFileSync(`/proc/${pid}/oom_score_adj`, '0')
  } catch {
    // It has ended, or the agent itself is more likely to be killed than that.
  }
}
