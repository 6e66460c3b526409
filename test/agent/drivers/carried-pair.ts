// Two nodes and one resource that is carried from the first to the second, by drivers as their agents' processes make them.
// Call at the top of a test file: each test begins with empty folders.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import type { Driver, MigrateRequest, MigrateResult } from '../../../agent/drivers/driver.ts'
import { createOcfDriver } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { systemClock } from '../../../shared/clock.ts'
import { carriedAgent, makeCarriedAgent } from './carried-agent.ts'

export const sid = 'ocf:a'
export type NodeName = 'n1' | 'n2'

type More = { live?: boolean; operations?: object }

export class CarriedPair {
  home = ''
  private drivers: Driver[] = []
  /** What was told by whom: `n1 exited 5`. */
  told: string[] = []
  private readonly uids = { n1: randomUUID(), n2: randomUUID() }
  private readonly clusterUuid = randomUUID()

  begin(): void {
    this.home = mkdtempSync(join(tmpdir(), 'holdfast-carried-'))
    this.told = []
    this.declare('migrate_to', 'migrate_from')
  }

  end(): void {
    for (const driver of this.drivers) driver.detach()
    this.drivers = []
    rmSync(this.home, { recursive: true, force: true })
  }

  declare = (...actions: string[]) => makeCarriedAgent(this.home, actions)

  /** As the agent's process makes it: each further one is that of a later process of the same boot. */
  newDriver = (node: NodeName, bootId = 'boot-1'): Driver => {
    const home = join(this.home, `agent-${node}`)
    const driver = createOcfDriver('ocf', {
      ...{ home, runDirectory: join(home, 'run'), node, bootId, clock: systemClock() },
      owner: { clusterUuid: this.clusterUuid, nodeUid: this.uids[node] },
      events: {
        exited: (_sid, generation) => void this.told.push(`${node} exited ${generation}`),
        arrived: (_sid, generation) => void this.told.push(`${node} arrived ${generation}`),
      },
      log: () => {},
      ocfRoot: join(this.home, 'ocf-root'),
    })
    this.drivers.push(driver)
    return driver
  }

  spec = ({ live = true, operations }: More = {}) => ({
    ...{ agent: carriedAgent, parameters: { dir: this.home }, live },
    ...(operations && { operations }),
  })

  running = async (driver: Driver, spec: unknown = this.spec()) => {
    const started = await driver.start({ sid, generation: 5, spec, mayStart: () => true })
    expect(started).toMatchObject({ outcome: 'ok' })
  }
  receive = (driver: Driver, spec: unknown = this.spec(), mayBegin = () => true) =>
    driver.receive!({ sid, generation: 6, spec, from: 'n1', mayBegin })
  migrate = (driver: Driver, more: Partial<MigrateRequest> = {}): Promise<MigrateResult> =>
    driver.migrate!({
      ...{ sid, generation: 5, marked: 5, spec: this.spec(), target: 'n2', address: 'n2' },
      timeoutMs: 60_000,
      ...{ mayBegin: () => true, onProgress: () => {}, ...more },
    })
  takeUp = (driver: Driver, from: string | null = 'n1', mayBegin = () => true) =>
    driver.takeUp!({ sid, generation: 6, spec: this.spec(), from, mayBegin })

  /** What the agent does first in an action on a node. */
  on = (node: NodeName, action: string, shell: string) =>
    writeFileSync(join(this.home, `${node}.${action}`), `${shell}\n`)
  off = (node: NodeName, action: string) => rmSync(join(this.home, `${node}.${action}`))
  read = (name: string) =>
    existsSync(join(this.home, name)) ? readFileSync(join(this.home, name), 'utf8').trim() : ''
  /** What it has counted to where it runs; empty: it does not run there. */
  count = (node: NodeName) => this.read(`${node}/runs`)
  /** The actions that were called, but for monitors: `n1 start`, `n1 migrate_to n1>n2`. */
  done = () =>
    this.read('log')
      .split('\n')
      .map((line) => line.replace(/ \d+$/, ''))
}

export function carriedPair(): CarriedPair {
  const pair = new CarriedPair()
  beforeEach(() => pair.begin())
  afterEach(() => pair.end())
  return pair
}
