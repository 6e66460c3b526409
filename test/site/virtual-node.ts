// A supervisor with the fake agent, in a folder of its own, and what a test asks about them.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export type Start = { bootId: string; pid: number; servicePid: number }
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Waits until `look` answers something, and returns it. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms: ${what}`)
    await pause(10)
  }
}

/** Runs: not even a zombie is left otherwise. */
export function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !'ZX'.includes(text.charAt(text.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

export class VirtualNode {
  readonly home: string
  #supervisor: ChildProcess | null = null
  #plane: Server
  asked = 0

  constructor() {
    this.home = mkdtempSync(join(tmpdir(), 'holdfast-node-'))
    this.#plane = createServer((_, response) => {
      this.asked++
      response.end('ok')
    })
  }

  get supervisor(): ChildProcess {
    if (this.#supervisor === null) throw new Error('no supervisor was started')
    return this.#supervisor
  }

  async start(): Promise<this> {
    if (!this.#plane.listening)
      await new Promise<void>((resolve) => this.#plane.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(this.#plane.address() as AddressInfo).port}`
    const script = path('../../agent/virtual-node/supervisor.ts')
    this.#supervisor = spawn(
      process.execPath,
      [script, '--node', 'n1', '--home', this.home, '--url', url, '--reboot-ms', '100'].concat(
        '--agent',
        path('./fake-agent.mjs'),
      ),
      { stdio: ['pipe', 'ignore', process.env['SHOW_LOGS'] ? 'inherit' : 'ignore'] },
    )
    await until('the agent to start', () => this.starts().length > 0)
    return this
  }

  tell(name: 'arm' | 'feed', text = ''): void {
    // All of it or nothing: the agent looks at any moment.
    writeFileSync(join(this.home, name), text)
    renameSync(join(this.home, name), join(this.home, 'agent', name))
  }

  forget(name: 'arm' | 'feed'): void {
    rmSync(join(this.home, 'agent', name), { force: true })
  }

  starts(): Start[] {
    const file = join(this.home, 'agent/starts.jsonl')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  }

  get last(): Start {
    const last = this.starts().at(-1)
    if (last === undefined) throw new Error('the agent never started')
    return last
  }

  answers(): number {
    const file = join(this.home, 'agent/answers')
    return existsSync(file) ? readFileSync(file, 'utf8').length : 0
  }

  watchdogFile(): { bootId: string; armed: boolean; timeoutMs: number; resetByWatchdog: boolean } {
    return JSON.parse(readFileSync(join(this.home, 'watchdog.json'), 'utf8'))
  }

  /** As the plane sees them. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.#plane.getConnections((_, count) => resolve(count)))
  }

  /** Flips a switch, or asks for the status. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it needs from the status
  async control(name: string): Promise<any> {
    const method = name === 'status' ? 'GET' : 'POST'
    const text = await new Promise<string>((resolve, reject) => {
      request(
        { socketPath: join(this.home, 'control.sock'), path: `/${name}`, method },
        (response) => {
          let body = ''
          response.on('data', (chunk) => {
            body += chunk
          })
          response.on('end', () => resolve(body))
        },
      )
        .once('error', reject)
        .end()
    })
    return JSON.parse(text)
  }

  /** Ends everything, by way of the supervisor. */
  async end(): Promise<void> {
    const supervisor = this.#supervisor
    if (supervisor && supervisor.exitCode === null && supervisor.signalCode === null) {
      const ended = new Promise((resolve) => supervisor.once('exit', resolve))
      supervisor.kill('SIGTERM')
      await ended
    }
    this.#plane.closeAllConnections()
    this.#plane.close()
    rmSync(this.home, { recursive: true, force: true })
  }
}
