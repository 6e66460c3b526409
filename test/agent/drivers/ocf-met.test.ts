// Resources that run on a node which never started them: found by their agent's monitor once the plane has named the service
// (S18), and for as long as the host may still be starting what is enabled on it (S8).
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { createOcfDriver, usualOcfRoot } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { systemClock } from '../../../shared/clock.ts'
import { madeAgent, makeAgent } from './made-agent.ts'

const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
let home: string
let drivers: Driver[]
let upMs: number

function newDriver(type: 'ocf' | 'ocf-group' = 'ocf', root = makeAgent(home)): Driver {
  const driver = createOcfDriver(type, {
    ...{ home, runDirectory: join(home, 'run'), owner, node: 'n1', bootId: 'boot-1' },
    ...{ log: () => {}, events: { exited: () => {}, arrived: () => {} }, ocfRoot: root },
    clock: { ...systemClock(), bootMs: () => upMs },
  })
  drivers.push(driver)
  return driver
}

const made = { agent: madeAgent, parameters: { dir: '' } }
const web = () => ({ sid: 'ocf:a', spec: { ...made, parameters: { dir: home } } })
/** As somebody starts it: nobody is asked. */
const begin = (name = 'a') => writeFileSync(join(home, `${name}.runs`), '')
const runs = (name = 'a') => existsSync(join(home, `${name}.runs`))
const on = (action: string, shell: string) => writeFileSync(join(home, `a.${action}`), shell)
const looks = () =>
  existsSync(join(home, 'log')) ? readFileSync(join(home, 'log'), 'utf8').split('\n').length - 1 : 0
const found = (state = 'running') => [{ sid: 'ocf:a', generation: 0, state }]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
  drivers = []
  upMs = 3_600_000
})
afterEach(() => {
  for (const driver of drivers) driver.detach()
  rmSync(home, { recursive: true, force: true })
})

describe('a resource that this node never started', () => {
  test('is found running once it is asked for, also by the next agent, and stopped like any other (S18)', async () => {
    begin()
    const driver = newDriver()
    expect(await driver.survey()).toEqual([])
    expect(await driver.survey([web()])).toEqual(found())
    const next = newDriver()
    expect(await next.survey()).toEqual(found())
    expect((await next.stop('ocf:a', 5_000)).outcome).toBe('ok')
    expect(runs()).toBe(false)
    expect(await next.survey([web()])).toEqual([])
  })

  test('and that nobody runs is said to be absent, and may be started', async () => {
    const driver = newDriver()
    expect(await driver.survey([web()], [web()])).toEqual([])
    const start = { ...web(), generation: 3, mayStart: () => true }
    expect((await driver.start(start)).outcome).toBe('ok')
    expect(await driver.survey([web()], [web()])).toEqual([
      { sid: 'ocf:a', generation: 3, state: 'running' },
    ])
  })

  test('and whose monitor fails, or does not answer, is a doubt and no absence; it is not touched for that', async () => {
    begin()
    const driver = newDriver()
    on('monitor', 'exit 1')
    expect(await driver.survey([web()])).toEqual(found('unseen'))
    on('monitor', 'sleep 60')
    expect(await driver.survey([web()])).toEqual(found('unseen'))
    expect(runs()).toBe(true)
  })

  test('and whose agent is not installed here is absent', async () => {
    const other = { sid: 'ocf:a', spec: { agent: 'ocf:holdfast:None', parameters: {} } }
    expect(await newDriver().survey([other])).toEqual([])
  })

  test('in a group that runs in part is something to be cleaned up', async () => {
    const members = ['a', 'b'].map((name) => ({ name, ...web().spec }))
    const group = { sid: 'ocf-group:g', spec: { members } }
    begin('b')
    const driver = newDriver('ocf-group')
    expect(await driver.survey([group])).toMatchObject([{ generation: 0, state: 'unknown' }])
    expect((await driver.stop('ocf-group:g', 5_000)).outcome).toBe('ok')
    expect(runs('b')).toBe(false)
  })
})

describe('a resource of the cluster that something on this host starts', () => {
  test('is found while the host comes up, at every look (S8)', async () => {
    upMs = 30_000
    const driver = newDriver()
    expect(await driver.survey([], [web()])).toEqual([])
    begin()
    expect(await driver.survey([], [web()])).toEqual(found())
  })

  test('is looked for once later on, by each agent, at little cost', async () => {
    const driver = newDriver()
    for (let i = 0; i < 5; i++) expect(await driver.survey([], [web()])).toEqual([])
    expect(looks()).toBe(1)
    begin()
    expect(await newDriver().survey([], [web()])).toEqual(found())
  })
})

const dummy = join(usualOcfRoot, 'resource.d/heartbeat/Dummy')
test.skipIf(!existsSync(dummy))('a real resource agent is asked the same way', async () => {
  const state = join(home, 'dummy.state')
  const spec = { agent: 'ocf:heartbeat:Dummy', parameters: { state } }
  const driver = newDriver('ocf', usualOcfRoot)
  expect(await driver.survey([{ sid: 'ocf:d', spec }])).toEqual([])
  const env = { ...process.env, OCF_ROOT: usualOcfRoot, OCF_RESKEY_state: state }
  execFileSync(dummy, ['start'], {
    env: { ...env, OCF_RESOURCE_INSTANCE: 'd', HA_RSCTMP: home, HA_LOGFACILITY: 'none' },
    stdio: 'ignore',
  })
  expect(await driver.survey([{ sid: 'ocf:d', spec }])).toEqual([
    { sid: 'ocf:d', generation: 0, state: 'running' },
  ])
  expect((await driver.stop('ocf:d', 5_000)).outcome).toBe('ok')
  expect(existsSync(state)).toBe(false)
})
