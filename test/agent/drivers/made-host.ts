// A host whose resource agents do what a test tells them: a folder for all of it, drivers as agents' processes make them, and
// what was called. Call at the top of a test file: each test begins with an empty folder.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { systemClock } from '../../../shared/clock.ts'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { createOcfDriver } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { madeAgent, makeAgent } from './made-agent.ts'

export const sid = 'ocf:a'

const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }

type More = { parameters?: Record<string, string>; operations?: object }

export class MadeHost {
  home = ''
  exits: { sid: string; generation: number; detail: string }[] = []
  drivers: Driver[] = []
  /** What driver objects of agents that are gone still wait for. */
  begun: Promise<unknown>[] = []
  /** How long the host has been up. */
  upMs = 60_000

  newDriver = (type: 'ocf' | 'ocf-group' = 'ocf', bootId = 'boot-1'): Driver => {
    const { home } = this
    const driver = createOcfDriver(type, {
      ...{ home, runDirectory: join(home, 'run'), owner, node: 'n1', bootId, log: () => {} },
      clock: { ...systemClock(), bootMs: () => this.upMs },
      events: {
        exited: (one, generation, detail) => void this.exits.push({ sid: one, generation, detail }),
        arrived: () => expect.fail('nothing is moved here'),
      },
      ocfRoot: makeAgent(home),
    })
    this.drivers.push(driver)
    return driver
  }

  made = (more: More = {}) => ({
    agent: madeAgent,
    parameters: { dir: this.home, ...more.parameters },
    ...(more.operations && { operations: more.operations }),
  })
  start = (driver: Driver, spec: unknown = this.made(), one = sid) =>
    driver.start({ sid: one, generation: 1, spec, mayStart: () => true })
  /** What the agent does first in an action of a resource. */
  on = (action: string, shell: string, name = 'a') =>
    writeFileSync(join(this.home, `${name}.${action}`), `${shell}\n`)
  off = (action: string, name = 'a') => rmSync(join(this.home, `${name}.${action}`))
  read = (name: string) =>
    existsSync(join(this.home, name)) ? readFileSync(join(this.home, name), 'utf8').trim() : ''
  /** The actions that were called, but for monitors. */
  done = () =>
    this.read('log')
      .split('\n')
      .filter((line) => !line.endsWith('monitor'))
}

export function madeHost(): MadeHost {
  const host = new MadeHost()
  beforeEach(() => {
    host.home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
    host.exits = []
    host.drivers = []
    host.begun = []
    host.upMs = 60_000
  })
  afterEach(async () => {
    await Promise.allSettled(host.begun)
    for (const driver of host.drivers) driver.detach()
    rmSync(host.home, { recursive: true, force: true })
  })
  return host
}

export const until = (what: () => unknown) =>
  vi.waitFor(() => expect(what()).toBeTruthy(), { timeout: 5_000, interval: 10 })

export const found = (state: string) => [{ sid, generation: 1, state }]
