// Keeps the agent of one boot running: starts it, starts it again after it ended, whatever the reason.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Log } from './log.ts'

export type InitOptions = {
  command: string[]
  /** Directory of the node's cgroup, or null. */
  cgroup: string | null
  environment: NodeJS.ProcessEnv
  log: Log
  /** The agent's process is gone. Called before it is started again. */
  exited(): void
  /** Asked before the agent is started again: false when there is nothing left to run it on. */
  isUp(): boolean
}

const firstDelayMs = 200
const longestDelayMs = 5_000
/** An agent that ran so long did not crash because of its start: the next delay is the first again. */
const livedWellMs = 10_000

/** Enters the cgroup before the agent's program is loaded: whatever it forks is in there too. Arguments only, no interpolation. */
const enterCgroup = 'echo $$ >"$1/cgroup.procs" || true; shift; exec "$@"'

export class Init {
  #options: InitOptions
  #agent: ChildProcess | null = null
  #startedAtMs = 0
  #delayMs = firstDelayMs
  #timer: NodeJS.Timeout | null = null
  #givenUp = false
  starts = 0

  constructor(options: InitOptions) {
    this.#options = options
  }

  get pid(): number | null {
    return this.#agent?.pid ?? null
  }

  start(): void {
    if (this.#givenUp || this.#agent) return
    const { command, cgroup, environment, log } = this.#options
    const launch =
      cgroup === null ? command : ['/bin/sh', '-c', enterCgroup, 'init', cgroup, ...command]
    this.starts++
    this.#startedAtMs = performance.now()
    const agent = spawn(launch[0] ?? '', launch.slice(1), {
      // A session of its own: the terminal's Ctrl-C is for the site, which stops its parts in order.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: environment,
    })
    this.#agent = agent
    let over = false
    const ended = (how: Record<string, unknown>) => {
      if (over) return
      over = true
      this.#agent = null
      log('agent ended', { ...how, pid: agent.pid })
      this.#options.exited()
      this.#again()
    }
    agent.once('error', (error) => ended({ error: error.message }))
    agent.once('exit', (code, signal) => ended({ code, signal }))
    log('agent started', { pid: agent.pid, start: this.starts })
  }

  /** Sends a signal to the agent; null when there is none just now. */
  signal(name: NodeJS.Signals): number | null {
    const pid = this.pid
    if (pid === null) return null
    this.#agent?.kill(name)
    return pid
  }

  /** Asks the agent to stop its services and to end; resolves when it has, or after `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    this.giveUp()
    const agent = this.#agent
    if (agent === null) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs)
      agent.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      agent.kill('SIGINT')
    })
  }

  /** Starts the agent no more. */
  giveUp(): void {
    this.#givenUp = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #again(): void {
    if (this.#givenUp) return
    if (performance.now() - this.#startedAtMs >= livedWellMs) this.#delayMs = firstDelayMs
    this.#timer = setTimeout(() => {
      if (this.#options.isUp()) this.start()
    }, this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs)
  }
}
