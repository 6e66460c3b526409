// One child process of the site (the plane, or a node's supervisor): started, started again when it ends unasked, stopped.
// It has a session of its own, because a terminal's Ctrl-C must reach the site alone, which stops its parts in order; and
// a pipe from the site as standard input, whose end tells it that the site is gone.
import { type ChildProcess, spawn } from 'node:child_process'

export type PartOptions = {
  /** As people are told. */
  title: string
  command: string[]
  environment: NodeJS.ProcessEnv
  log: { path: string; descriptor: number }
  say: (line: string) => void
}

const firstDelayMs = 200
const longestDelayMs = 10_000
const livedWellMs = 30_000

export class Part {
  #options: PartOptions
  #child: ChildProcess | null = null
  #ended: Promise<void> = Promise.resolve()
  #stopping = false
  #delayMs = firstDelayMs
  #timer: NodeJS.Timeout | null = null

  constructor(options: PartOptions) {
    this.#options = options
  }

  /** How often it ended unasked. */
  failures = 0

  start(): void {
    if (this.#stopping || this.#child) return
    const { command, environment, log } = this.#options
    const startedAtMs = performance.now()
    const child = spawn(command[0] ?? '', command.slice(1), {
      detached: true,
      stdio: ['pipe', log.descriptor, log.descriptor],
      env: environment,
    })
    this.#child = child
    // The pipe is never written to; that it breaks is told by the exit.
    child.stdin?.on('error', () => {})
    this.#ended = new Promise((resolve) => {
      const ended = (how: string) => {
        if (this.#child !== child) return
        this.#child = null
        resolve()
        if (!this.#stopping) this.#again(how, performance.now() - startedAtMs)
      }
      child.once('error', (error) => ended(error.message))
      child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
    })
  }

  /** Sends `signal` and waits; after `patienceMs` it is killed. */
  async stop(signal: NodeJS.Signals, patienceMs: number): Promise<void> {
    this.#stopping = true
    if (this.#timer) clearTimeout(this.#timer)
    const child = this.#child
    if (child === null) return
    child.kill(signal)
    const hard = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    await this.#ended
    clearTimeout(hard)
  }

  #again(how: string, livedMs: number): void {
    const { title, log, say } = this.#options
    this.failures++
    if (livedMs >= livedWellMs) this.#delayMs = firstDelayMs
    say(`${title} ended (${how}) and is started again; its log is ${log.path}`)
    this.#timer = setTimeout(() => this.start(), this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs)
  }
}
