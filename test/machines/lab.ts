// Three virtual machines with the packaged agent, and a plane with its Postgres on this host. Everything it starts ends with it.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { findViolations } from '../../control-plane/admin/stored-checks.ts'
import { type EmbeddedPostgres, startPostgres } from '../../control-plane/site/embedded-postgres.ts'
import { createCluster, createJoinToken, createToken } from '../../control-plane/store/bootstrap.ts'
import { migrate } from '../../control-plane/store/migrate.ts'
import { Settings } from '../../shared/settings.ts'
import type { Timing } from '../../shared/timing.ts'
import { Operator, type ServiceStatus } from '../e2e/operator.ts'
import { ReplicaProcess } from '../e2e/replica-process.ts'
import { freePort } from '../global-setup.ts'
import type { Run } from '../witness/check.ts'
import { makeDisk } from './disk.ts'
import { kernel } from './kernel.ts'
import { Machine, type System } from './machine.ts'
import { OutsideWitness } from './outside.ts'

/** Real and yet short; three emulated machines on two processors do not come near a limit by themselves. */
export const emulated: Timing = {
  watchdogMs: 6_000,
  renewMs: 500,
  requestTimeoutMs: 1_500,
  leaseMs: 27_000,
  marginMs: 200,
  silentMs: 2_000,
  settleMs: 1_500,
  stopTimeoutMs: 5_000,
  stableMs: 2_000,
}

export type LabOptions = {
  timing: Timing
  onLeaseLoss: Settings['onLeaseLoss']
  /** Makes what the machines boot, below a folder of the lab's; without it the small disk. */
  system?(work: string): System
  hear?(node: string, line: string, atMs: number): void
  hearGuest?(node: string, atMs: number): void
}

const small = (disk: string): System => ({ disk, memoryMib: 256, isWritable: false })

export type Victim = {
  sid: string
  generation: number
  /** That of the moment, and those after it. */
  readonly runs: () => Run[]
}

export class Lab {
  readonly dir = mkdtempSync(join(tmpdir(), 'holdfast-machines-'))
  readonly machines: Machine[] = []
  readonly services: string[] = []
  readonly witness = new OutsideWitness()
  readonly options: LabOptions
  operator!: Operator
  #server: EmbeddedPostgres | null = null
  #sql: postgres.Sql | null = null
  #replica: ReplicaProcess | null = null
  #clusterId = 0

  constructor(options: LabOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const url = await this.#startPlane()
    const system = this.options.system?.(this.dir) ?? small(makeDisk(this.dir))
    const prepared = { kernel: kernel(this.dir), system }
    const sql = this.#sql as postgres.Sql
    for (const name of ['n1', 'n2', 'n3']) {
      const token = { clusterId: this.#clusterId, node: name, uses: 1, ttlSeconds: 600 }
      const { secret } = await createJoinToken(sql, { ...token, createdBy: 'tests' })
      const hear = (line: string, atMs: number) =>
        this.options.hear ? this.options.hear(name, line, atMs) : this.witness.hear(line, atMs)
      const hearGuest = (atMs: number) => this.options.hearGuest?.(name, atMs)
      const to = { url: url.replace('127.0.0.1', '10.0.2.2'), joinToken: secret }
      const machine = new Machine({ name, dir: this.dir, ...prepared, ...to, hear, hearGuest })
      this.machines.push(machine)
      await machine.start()
    }
    await this.operator.until(
      'all nodes to be online',
      ({ nodes }) => nodes.filter(({ state }) => state === 'online').length === 3,
      240_000,
    )
  }

  /** Returns the plane's address. */
  async #startPlane(): Promise<string> {
    const folder = join(this.dir, 'postgres')
    mkdirSync(folder)
    this.#server = await startPostgres({ dir: folder, port: await freePort(), fast: true })
    const admin = postgres(this.#server.url('postgres'), { max: 1, onnotice: () => {} })
    await admin`create database holdfast`
    await admin.end()
    const databaseUrl = this.#server.url('holdfast')
    await migrate(databaseUrl)
    const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
    this.#sql = sql
    const { timing, onLeaseLoss } = this.options
    const settings = Settings.parse({ profile: 'custom', timing, onLeaseLoss })
    const cluster = await createCluster(sql, { name: 'machines', development: false, settings })
    this.#clusterId = cluster.id
    const token = { name: 'tests', role: 'admin' as const, clusterId: null }
    const { secret } = await createToken(sql, token)
    const where = { site: this.dir, name: 'replica', dir: this.dir, port: await freePort() }
    const replica = new ReplicaProcess({ ...where, databaseUrl })
    this.#replica = replica
    this.operator = new Operator(() => [replica], secret, 'machines')
    await replica.ready()
    await this.operator.patch('/settings', { trustVirtualWatchdog: true })
    return replica.url
  }

  machine(name: string): Machine {
    const found = this.machines.find((machine) => machine.name === name)
    if (!found) throw new Error(`no machine ${name}`)
    return found
  }

  async addService(name: string): Promise<string> {
    const sid = `process:${name}`
    const command = ['/usr/bin/perl', '/bin/witness']
    await this.operator.post('/services', { sid, spec: { command } })
    this.services.push(sid)
    return sid
  }

  lastRun(sid: string): Run | undefined {
    return this.witness.of(sid).runs.at(-1)
  }

  /** Waits until the plane says that it runs, in a later generation than `after`, and the outside hears it. */
  running(sid: string, after: number, timeoutMs: number): Promise<ServiceStatus> {
    const isHeard = (generation: number | null) => {
      const run = this.lastRun(sid)
      return run !== undefined && !run.stopped && run.generation === generation
    }
    return this.operator.until(
      `${sid} to run`,
      ({ services }) =>
        services.find(
          (service) =>
            service.sid === sid &&
            service.running &&
            (service.generation ?? 0) > after &&
            isHeard(service.generation),
        ),
      timeoutMs,
    )
  }

  /** A node with services, and these. All run. */
  async victim(timeoutMs: number): Promise<{ node: string; victims: Victim[] }> {
    const all = await Promise.all(this.services.map((sid) => this.running(sid, 0, timeoutMs)))
    const node = all[0]?.node as string
    const victims = all
      .filter((service) => service.node === node)
      .map(({ sid, generation }) => {
        const before = this.witness.of(sid).runs.length
        return {
          sid,
          generation: generation ?? 0,
          runs: () => this.witness.of(sid).runs.slice(before - 1),
        }
      })
    return { node, victims }
  }

  /** Two copies of a service, or stored state that breaks a rule. */
  async faults(): Promise<string[]> {
    const said = this.services.flatMap((sid) =>
      this.witness.of(sid).faults.map((fault) => `${sid}: ${fault}`),
    )
    const resets = this.machines.reduce((sum, { boots }) => sum + boots.length, 0)
    const { torn } = this.witness
    if (torn.length > resets) said.push(`${torn.length} torn lines, the last: ${torn.at(-1)}`)
    const cluster = { id: this.#clusterId, name: 'machines' }
    const violations = await (this.#sql as postgres.Sql).begin(
      'isolation level repeatable read',
      (tx) => findViolations(tx, cluster),
    )
    return [...said, ...violations.map((violation) => JSON.stringify(violation))]
  }

  showLogs(): void {
    for (const machine of this.machines) console.error(machine.tail())
    console.error(this.#replica?.tail(20))
  }

  async end(): Promise<void> {
    for (const machine of this.machines) await machine.end()
    await this.#replica?.end('SIGTERM', 5_000)
    await this.#sql?.end({ timeout: 5 })
    await this.#server?.stop()
    if (process.env['KEEP_LOGS'] === undefined) rmSync(this.dir, { recursive: true, force: true })
  }
}
