// A virtual node of a test site: its supervisor's process, its switches, and what it says about itself.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findMarked, MarkedProcess } from './marked-process.ts'

const supervisor = fileURLToPath(new URL('../../agent/virtual-node/supervisor.ts', import.meta.url))

export type Switch =
  | 'power-off'
  | 'power-on'
  | 'crash'
  | 'hang'
  | 'resume'
  | 'cut'
  | 'cut?direction=to-plane'
  | 'cut?direction=to-node'
  | 'heal'
  | 'restart-agent'
  | 'kill-agent'

export type MachineStatus = {
  power: string
  hung: boolean
  bootId: string
  boots: number
  watchdogResets: number
  lastPowerOff: string
  agentPid: number | null
  agentStarts: number
  processes: number
  watchdog: { armed: boolean; timeoutMs: number; remainingMs: number | null }
  error?: string
}

export type NodeOptions = {
  site: string
  name: string
  dir: string
  urls: string[]
  joinToken: string
  rebootMs: number
  /** Its agent's program, if it is not the usual one. */
  agent?: string | undefined
}

export class NodeProcess extends MarkedProcess {
  readonly name: string
  readonly home: string

  constructor({ site, name, dir, urls, joinToken, rebootMs, agent }: NodeOptions) {
    const home = join(dir, name)
    const args = [supervisor, '--node', name, '--home', home, '--url', urls.join(',')]
    args.push('--join-token', joinToken, '--reboot-ms', String(rebootMs))
    if (agent !== undefined) args.push('--agent', agent)
    super({ site, args, logFile: join(dir, `${name}.log`) })
    this.name = name
    this.home = home
  }

  /** Who the agent is to the plane, as it keeps it on its disk. */
  get identity(): { nodeUid: string; credential: string; clusterUuid: string } {
    return JSON.parse(readFileSync(join(this.home, 'agent', 'identity.json'), 'utf8'))
  }

  /** Flips a switch; throws what the supervisor answers if it cannot. */
  async flip(name: Switch): Promise<MachineStatus> {
    const status = await this.#ask('POST', name)
    if (status.error) throw new Error(`${this.name} ${name}: ${status.error}`)
    return status
  }

  machine(): Promise<MachineStatus> {
    return this.#ask('GET', 'status')
  }

  /** Every process of the current boot: agent and services. */
  async tree(): Promise<number[]> {
    return findMarked('HOLDFAST_NODE_BOOT', (await this.machine()).bootId)
  }

  /** Ends node and supervisor. Not gently: a test that wants that asks for it before. */
  async destroy(): Promise<void> {
    if (this.ended) return
    this.signal('SIGCONT')
    await this.flip('power-off').catch(() => {})
    if (!(await this.end('SIGTERM', 5_000))) throw new Error(`supervisor of ${this.name} hung`)
  }

  #ask(method: string, path: string): Promise<MachineStatus> {
    const socketPath = join(this.home, 'control.sock')
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath, path: `/${path}`, method, timeout: 5_000 }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        answer.on('end', () => resolve(JSON.parse(text)))
      })
      asked.on('timeout', () => asked.destroy(new Error(`${this.name} does not answer`)))
      asked.on('error', reject).end()
    })
  }
}
