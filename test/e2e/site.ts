// A whole site of real processes for one test file: a database, replicas, virtual nodes with agents, witnessed services.
// After each test it asks the witness of every service and the stored state for faults; after the file nothing may be left.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, type TestContext, vi } from 'vitest'
import { findViolations } from '../../control-plane/admin/stored-checks.ts'
import { createCluster, createJoinToken, createToken } from '../../control-plane/store/bootstrap.ts'
import { Settings } from '../../shared/settings.ts'
import type { Timing } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import { freePort } from '../global-setup.ts'
import { readWitness, type Witness } from '../witness/check.ts'
import { isAlive, killLeftovers } from './marked-process.ts'
import { NodeProcess } from './node-process.ts'
import { Operator, type ServiceStatus, type SiteStatus } from './operator.ts'
import { ReplicaProcess } from './replica-process.ts'

const witness = (name: string) => fileURLToPath(new URL(`../witness/${name}`, import.meta.url))

/** Short, and yet no limit is so near that a busy machine would cross it. */
export const quick: Timing = {
  watchdogMs: 1_500,
  renewMs: 250,
  requestTimeoutMs: 500,
  leaseMs: 6_000,
  marginMs: 100,
  silentMs: 750,
  settleMs: 750,
  stopTimeoutMs: 3_000,
  stableMs: 1_000,
}

export type SiteOptions = {
  nodes: number
  replicas?: number
  timing?: Partial<Timing>
  rebootMs?: number
  /** The program of a node's agent, if it is not the usual one. */
  agentOf?(node: string): Promise<string>
  /** Where it is; by default a database of its own on the server all tests share. */
  database?: { readonly url: string; readonly sql: postgres.Sql }
}

export type ServiceOptions = {
  requested?: string
  group?: string
  maxRestart?: number
  maxRelocate?: number
  stopTimeoutMs?: number
  /** The service goes on after SIGTERM. */
  ignoreTerm?: boolean
  /** For the one scenario in which two copies are expected. */
  unlocked?: boolean
}

export class Site {
  readonly dir = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'))
  readonly cluster = 'lab'
  readonly replicas: ReplicaProcess[] = []
  readonly nodes: Record<string, NodeProcess> = {}
  readonly #options: SiteOptions
  readonly #database: { readonly url: string; readonly sql: postgres.Sql }
  readonly #services = new Map<string, { file: string; unlocked: boolean }>()
  #ports: number[] = []
  clusterId = 0
  operator: Operator = new Operator(() => this.replicas, '', this.cluster)

  constructor(
    options: SiteOptions,
    database: { readonly url: string; readonly sql: postgres.Sql },
  ) {
    this.#options = options
    this.#database = database
    mkdirSync(join(this.dir, 'witness'))
  }

  get sql(): postgres.Sql {
    return this.#database.sql
  }

  get databaseUrl(): string {
    return this.#database.url
  }

  get timing(): Timing {
    return { ...quick, ...this.#options.timing }
  }

  async start(): Promise<void> {
    const { nodes, replicas = 1 } = this.#options
    const settings = Settings.parse({ profile: 'custom', timing: this.timing })
    const cluster = { name: this.cluster, development: true, settings }
    this.clusterId = (await createCluster(this.sql, cluster)).id
    const token = { name: 'tests', role: 'admin' as const, clusterId: null }
    const { secret } = await createToken(this.sql, token)
    this.operator = new Operator(() => this.replicas, secret, this.cluster)
    this.#ports = await Promise.all(Array.from({ length: replicas }, freePort))
    await Promise.all(this.#ports.map((_, index) => this.startReplica(index)))
    for (let i = 1; i <= nodes; i++) await this.addNode(`n${i}`)
    const online = (names: string[]) => names.length === nodes
    await this.operator.until(
      'all nodes to be online',
      (status) => online(status.nodes.filter((n) => n.state === 'online').map((n) => n.name)),
      60_000,
    )
  }

  /** Starts replica `index`, for the first time or again, on the port it always has. */
  async startReplica(index: number): Promise<ReplicaProcess> {
    const port = this.#ports[index] as number
    const name = `replica-${index + 1}`
    const where = { site: this.dir, name, dir: this.dir, port, databaseUrl: this.#database.url }
    const replica = new ReplicaProcess(where)
    this.replicas[index] = replica
    return replica.ready()
  }

  /** Which plane URLs a new node is given; all of them unless a test says otherwise. */
  planeUrls = () => this.#ports.map((port) => `http://127.0.0.1:${port}`)

  async addNode(name: string): Promise<NodeProcess> {
    const joinToken = { clusterId: this.clusterId, node: name, uses: 1, ttlSeconds: 600 }
    const { secret } = await createJoinToken(this.sql, { ...joinToken, createdBy: 'tests' })
    const node = new NodeProcess({
      ...{ site: this.dir, name, dir: this.dir, urls: this.planeUrls(), joinToken: secret },
      rebootMs: this.#options.rebootMs ?? 300,
      agent: await this.#options.agentOf?.(name),
    })
    this.nodes[name] = node
    return node
  }

  node(name: string): NodeProcess {
    const node = this.nodes[name]
    if (!node) throw new Error(`no node ${name}`)
    return node
  }

  /** Adds a witnessed service `process:<name>` and returns its sid. */
  async addService(name: string, options: ServiceOptions = {}): Promise<string> {
    const { ignoreTerm = false, unlocked = false, ...body } = options
    const sid = `process:${name}`
    const file = join(this.dir, 'witness', name)
    const command = ['/bin/sh', witness('run.sh'), unlocked ? 'no-lock' : 'lock', process.execPath]
    command.push(witness('service.mjs'), file, ...(ignoreTerm ? ['ignore-term'] : []))
    this.#services.set(sid, { file, unlocked })
    await this.operator.post('/services', { sid, spec: { command }, ...body })
    return sid
  }

  witnessFile(sid: string): string {
    const service = this.#services.get(sid)
    if (!service) throw new Error(`no service ${sid}`)
    return service.file
  }

  witness(sid: string): Witness {
    return readWitness(this.witnessFile(sid))
  }

  /** Waits until the plane says that it runs, somewhere `where` allows, and the service itself says so too. */
  async running(
    sid: string,
    where: (node: string) => boolean = () => true,
    timeoutMs = this.timing.leaseMs + 10_000,
  ): Promise<ServiceStatus> {
    const isAt = ({ node }: ServiceStatus) => node !== null && where(node)
    const says = ({ generation }: ServiceStatus) => {
      const run = this.witness(sid).runs.at(-1)
      return run && !run.stopped && run.generation === generation && isAlive(run.pid)
    }
    const look = ({ services }: SiteStatus) =>
      services.find((s) => s.sid === sid && s.running && isAt(s) && says(s))
    return this.operator.until(`${sid} to run`, look, timeoutMs)
  }

  /** The name of the node on which the last run of the service was. */
  lastRanOn(sid: string): string | undefined {
    const uid = this.witness(sid).runs.at(-1)?.nodeUid
    return Object.values(this.nodes).find((node) => node.identity.nodeUid === uid)?.name
  }

  /** What every test ends with. */
  async check(): Promise<void> {
    const faults: string[] = []
    for (const [sid, { file, unlocked }] of this.#services)
      if (!unlocked) faults.push(...readWitness(file).faults.map((fault) => `${sid}: ${fault}`))
    expect(faults).toEqual([])
    const cluster = { id: this.clusterId, name: this.cluster }
    const violations = await this.sql.begin('isolation level repeatable read', (tx) =>
      findViolations(tx, cluster),
    )
    expect(violations).toEqual([])
  }

  showLogs(): void {
    for (const process of [...this.replicas, ...Object.values(this.nodes)])
      console.error(`── ${process.logFile}\n${process.tail()}`)
  }

  async end(): Promise<void> {
    await Promise.all(Object.values(this.nodes).map((node) => node.destroy()))
    const ends = await Promise.all(this.replicas.map((replica) => replica.end('SIGTERM', 5_000)))
    const left = await killLeftovers(this.dir)
    expect(left).toEqual([])
    expect(ends.every(Boolean), 'every replica ended when asked').toBe(true)
    if (process.env['KEEP_LOGS'] === undefined) rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Call at the top of a test file. The site may be used from `beforeAll` on. */
export function testSite(options: SiteOptions): Site {
  vi.setConfig({ testTimeout: 60_000 })
  const site = new Site(options, options.database ?? testDatabase())
  const showIfFailed = ({ task }: Pick<TestContext, 'task'>) => {
    if (task.result?.state === 'fail') site.showLogs()
  }
  beforeAll(async () => {
    try {
      await site.start()
    } catch (error) {
      site.showLogs()
      throw error
    }
  }, 120_000)
  afterEach(async (context) => {
    showIfFailed(context)
    await site.check()
  })
  afterAll(() => site.end(), 60_000)
  return site
}
