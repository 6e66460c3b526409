// Resource agents that hang, fail, lie and are cut short: what the driver says is gone is gone, and what may still be
// under way is never nothing.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../shared/clock.ts'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { callAgent, gateClosedCode } from '../../../agent/drivers/ocf/agent-call.ts'
import { createOcfDriver } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { isAlive } from './is-alive.ts'
import { madeAgent, makeAgent } from './made-agent.ts'

const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
const sid = 'ocf:a'
const groupSid = 'ocf-group:a'
let home: string
let exits: { sid: string; generation: number; detail: string }[]
let drivers: Driver[]
/** What driver objects of agents that are gone still wait for. */
let begun: Promise<unknown>[]
/** How long the host has been up. */
let upMs: number

function newDriver(type: 'ocf' | 'ocf-group' = 'ocf', bootId = 'boot-1'): Driver {
  const driver = createOcfDriver(type, {
    ...{ home, runDirectory: join(home, 'run'), owner, node: 'n1', bootId, log: () => {} },
    clock: { ...systemClock(), bootMs: () => upMs },
    events: {
      exited: (one, generation, detail) => void exits.push({ sid: one, generation, detail }),
      arrived: () => expect.fail('nothing is moved here'),
    },
    ocfRoot: makeAgent(home),
  })
  drivers.push(driver)
  return driver
}

const made = (more: { parameters?: Record<string, string>; operations?: object } = {}) => ({
  agent: madeAgent,
  parameters: { dir: home, ...more.parameters },
  ...(more.operations && { operations: more.operations }),
})
const start = (driver: Driver, spec: unknown = made(), one = sid) =>
  driver.start({ sid: one, generation: 1, spec, mayStart: () => true })
const group = (...names: string[]) => ({ members: names.map((name) => ({ name, ...made() })) })
/** What the agent does first in an action of a resource. */
const on = (action: string, shell: string, name = 'a') =>
  writeFileSync(join(home, `${name}.${action}`), `${shell}\n`)
const off = (action: string, name = 'a') => rmSync(join(home, `${name}.${action}`))
const read = (name: string) =>
  existsSync(join(home, name)) ? readFileSync(join(home, name), 'utf8').trim() : ''
const done = () =>
  read('log')
    .split('\n')
    .filter((line) => !line.endsWith('monitor'))
const until = (what: () => unknown) =>
  vi.waitFor(() => expect(what()).toBeTruthy(), { timeout: 5_000, interval: 10 })
const found = (state: string) => [{ sid, generation: 1, state }]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
  exits = []
  drivers = []
  begun = []
  upMs = 60_000
})
afterEach(async () => {
  await Promise.allSettled(begun)
  for (const driver of drivers) driver.detach()
  rmSync(home, { recursive: true, force: true })
})

describe('a start', () => {
  test('that hangs is killed with all of its group at its own timeout, and is told as one', async () => {
    on('start', `sleep 600 & echo $! >${home}/child; wait`)
    const driver = newDriver()
    const spec = made({ operations: { start: { timeoutMs: 300 } } })
    const { outcome, detail } = await start(driver, spec)
    expect({ outcome, detail }).toMatchObject({ outcome: 'timeout' })
    expect(detail).toContain('300 ms')
    await until(() => !isAlive(read('child')))
    expect(await driver.survey()).toEqual(found('unknown'))
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(await driver.survey()).toEqual([])
  })

  test('that an agent left behind when it was killed is never nothing, and is ended before a stop is ok (S16)', async () => {
    on('start', `echo $$ >${home}/starter; sleep 600`)
    begun.push(start(newDriver()))
    await until(() => read('starter'))
    // The process is gone, and nobody has told the driver's other half.
    const next = newDriver()
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(isAlive(read('starter'))).toBe(false)
    expect(done()).toEqual(['a start', 'a stop'])
    expect(await next.survey()).toEqual([])
  })

  test('that ended while no agent looked is adopted, if its monitor says that it runs', async () => {
    on('start', 'sleep 0.3')
    begun.push(start(newDriver()))
    await until(() => read('log').includes('start'))
    const next = newDriver()
    await until(() => read('a.runs') !== '' || existsSync(join(home, 'a.runs')))
    await vi.waitFor(async () => expect(await next.survey()).toEqual(found('running')))
  })

  test('that is half done when the next agent looks is a doubt, whatever its monitor says', async () => {
    on('start', `: >${home}/a.runs; echo $$ >${home}/starter; sleep 600`)
    begun.push(start(newDriver()))
    await until(() => read('starter'))
    const next = newDriver()
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
  })

  test.each([
    ['its own grant', 'grant 1', 0],
    ['another grant', 'grant 2', gateClosedCode],
    ['no grant any more', null, gateClosedCode],
  ])(
    'whose launcher finds %s at the gate goes no further than that says',
    async (_what, there, code) => {
      const [gate, runFile] = [join(home, 'gate'), join(home, 'run-file')]
      if (there !== null) writeFileSync(gate, `${there}\n`)
      const result = await callAgent({
        ...{ ocfRoot: makeAgent(home), action: 'start', timeoutMs: 5_000, node: 'n1', mark: 'm' },
        resource: { name: 'a', provider: 'holdfast', type: 'Made', parameters: { dir: home } },
        launch: { gate, grant: 'grant 1', runFile, bootId: 'boot-1' },
      })
      expect(result.code).toBe(code)
      expect(done()).toEqual(code === 0 ? ['a start'] : [''])
      // Written before the look at the gate: who closes the gate first, and looks then, finds it.
      expect(read('run-file')).toMatch(/^boot-1 /)
    },
  )

  test('leaves nothing on its way that could begin after a stop: what a killed start has sent off is killed too', async () => {
    const late = `setsid sh -c 'echo $$ >${home}/late; sleep 1; : >${home}/a.runs' >/dev/null 2>&1 </dev/null &`
    on('start', `${late} sleep 600`)
    const driver = newDriver()
    const starting = start(driver)
    await until(() => read('late'))
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    await starting
    expect(isAlive(read('late'))).toBe(false)
  })

  test('finds what runs without a grant, and ends it first (S8)', async () => {
    writeFileSync(join(home, 'a.runs'), '')
    expect((await start(newDriver())).outcome).toBe('ok')
    expect(done()).toEqual(['a stop', 'a start'])
  })

  test('that succeeds without anything running is an error', async () => {
    on('start', 'exit 0')
    const { outcome, detail } = await start(newDriver())
    expect({ outcome, detail }).toEqual({
      outcome: 'error',
      detail: 'its start succeeded, but its monitor says that it does not run',
    })
  })

  test.each([
    [1, 'error', 'generic error'],
    [2, 'wrong-node', 'no good on this node'],
    [4, 'wrong-node', 'not permitted'],
    [5, 'wrong-node', 'not installed'],
    [6, 'invalid', 'wrong everywhere'],
    [77, 'error', 'exit code 77'],
  ])('with exit code %i is %s', async (code, outcome, meaning) => {
    on('start', `echo "ocf-exit-reason:the reason" >&2; exit ${code}`)
    const result = await start(newDriver())
    expect(result.outcome).toBe(outcome)
    expect(result.detail).toContain(meaning)
    expect(result.detail).toContain('the reason')
  })

  test.each([
    ['an unknown parameter', { dri: '/' }, 'parameters.dri: the agent has no such parameter'],
    ['a required one that is empty', { dir: '' }, 'parameters.dir: the agent requires it'],
    ['a number that is none', { count: 'two' }, 'parameters.count: must be a whole number'],
    ['neither true nor false', { fast: 'maybe' }, 'parameters.fast: must be true or false'],
  ])('with %s is invalid, and names the field', async (_what, parameters, fault) => {
    const result = await start(newDriver(), made({ parameters }))
    expect(result).toEqual({ outcome: 'invalid', detail: fault })
    const inGroup = { members: [{ name: 'a', ...made({ parameters }) }] }
    const grouped = await start(newDriver('ocf-group'), inGroup, groupSid)
    expect(grouped).toEqual({ outcome: 'invalid', detail: `members.0.${fault}` })
    expect(done()).toEqual([''])
  })

  test('of an agent that is not on this node is for another node', async () => {
    const spec = { ...made(), agent: 'ocf:holdfast:Nothing' }
    expect((await start(newDriver(), spec)).outcome).toBe('wrong-node')
  })
})

describe('a stop', () => {
  test('that hangs is killed at its own timeout and is no stop, until one succeeds', async () => {
    const driver = newDriver()
    await start(driver, made({ operations: { stop: { timeoutMs: 300 } } }))
    on('stop', `echo $$ >${home}/stopper; sleep 600`)
    expect((await driver.stop(sid, 60_000)).outcome).toBe('timeout')
    expect(isAlive(read('stopper'))).toBe(false)
    expect(await driver.survey()).not.toEqual([])
    off('stop')
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(await driver.survey()).toEqual([])
  })

  test('that an agent left behind when it was killed does not reach into the next start', async () => {
    const driver = newDriver()
    await start(driver)
    on('stop', `echo $$ >${home}/stopper; sleep 600`)
    begun.push(driver.stop(sid, 60_000))
    await until(() => read('stopper'))
    off('stop')
    const next = newDriver()
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(isAlive(read('stopper'))).toBe(false)
  })

  test('that claims success while its monitor says otherwise is no stop', async () => {
    const driver = newDriver()
    await start(driver)
    on('stop', 'exit 0')
    expect((await driver.stop(sid, 0)).outcome).toBe('error')
  })
})

describe('a running resource', () => {
  test('whose software seems to be gone from the host is told to stop all the same, and not believed gone before', async () => {
    const driver = newDriver()
    await start(driver)
    on('monitor', 'exit 5')
    on('stop', 'exit 5')
    expect((await driver.stop(sid, 0)).outcome).not.toBe('ok')
    expect(await driver.survey()).toEqual(found('unknown'))
    off('stop')
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(existsSync(join(home, 'a.runs'))).toBe(false)
  })

  const often = { operations: { monitor: { intervalMs: 500, timeoutMs: 300 } } }

  test('whose monitor does not answer in time has crashed', async () => {
    const driver = newDriver()
    await start(driver, made(often))
    on('monitor', 'sleep 600')
    await until(() => exits.length > 0)
    expect(exits).toEqual([{ sid, generation: 1, detail: 'its monitor did not answer in time' }])
    off('monitor')
    // It answers again: what has been told stays so until a stop.
    expect(await driver.survey()).toEqual(found('unknown'))
  })

  test('that is slow to answer the next agent is left to its monitor, not ended', async () => {
    await start(newDriver(), made(often))
    on('monitor', 'sleep 0.1; [ "$OCF_RESKEY_CRM_meta_interval" != 0 ] || sleep 600')
    expect(await newDriver().survey()).toEqual(found('running'))
  })

  test('that ended while no agent looked is a doubt to the next one', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver()
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(await next.survey()).toEqual([])
  })
})

describe('after a reboot', () => {
  test('what something else has started again is a doubt, and ended (S8)', async () => {
    await start(newDriver())
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(existsSync(join(home, 'a.runs'))).toBe(false)
    expect(await next.survey()).toEqual([])
  })

  test('what does not run is nothing', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    expect(done()).toEqual(['a start'])
  })

  test('what its host starts only after the first look is found, too, and ended (S8)', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    writeFileSync(join(home, 'a.runs'), '')
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(existsSync(join(home, 'a.runs'))).toBe(false)
    expect(await next.survey()).toEqual([])
    // Once more, as by a service manager that restarts what was ended.
    writeFileSync(join(home, 'a.runs'), '')
    expect(await next.survey()).toEqual(found('unknown'))
  })

  test('what did not run at the first look can be started again', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    expect((await start(next)).outcome).toBe('ok')
    expect(await next.survey()).toEqual(found('running'))
  })

  test('what is started while the host is looked at stays known', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    upMs = 3_600_000
    // The first monitor of all is the look's, and answers last.
    on('monitor', `if mkdir ${home}/first 2>/dev/null; then sleep 1; exit 7; fi`)
    const looking = next.survey()
    await until(() => existsSync(join(home, 'first')))
    expect((await start(next)).outcome).toBe('ok')
    await looking
    expect(await next.survey()).toEqual(found('running'))
    expect(existsSync(join(home, 'ocf', `${sid}.json`))).toBe(true)
  })

  test('long ago nothing is asked of what was here before', async () => {
    await start(newDriver())
    rmSync(join(home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    upMs = 3_600_000
    expect(await next.survey()).toEqual([])
    const looks = read('log').length
    expect(await next.survey()).toEqual([])
    expect(read('log').length).toBe(looks)
  })

  test('the record of it is whole: what is on disk is never written over in passing', async () => {
    await start(newDriver())
    const record = join(home, 'ocf', `${sid}.json`)
    // The last time it was written was before its start.
    expect(statSync(record).mtimeMs).toBeLessThanOrEqual(statSync(join(home, 'a.runs')).mtimeMs)
  })
})

describe('a group', () => {
  const startGroup = (driver: Driver, ...names: string[]) =>
    start(driver, group(...names), groupSid)

  test('is started in order and stopped in reverse', async () => {
    const driver = newDriver('ocf-group')
    expect((await startGroup(driver, 'ip', 'fs', 'web')).outcome).toBe('ok')
    expect((await driver.stop(groupSid, 1_000)).outcome).toBe('ok')
    const expected = ['ip start', 'fs start', 'web start', 'web stop', 'fs stop', 'ip stop']
    expect(done()).toEqual(expected)
  })

  test('goes no further than the member that fails, and all of it is stopped', async () => {
    on('start', 'exit 1', 'fs')
    const driver = newDriver('ocf-group')
    const { outcome, detail } = await startGroup(driver, 'ip', 'fs', 'web')
    expect({ outcome, detail }).toMatchObject({ outcome: 'error' })
    expect(detail).toMatch(/^fs: its start: generic error/)
    expect((await driver.stop(groupSid, 0)).outcome).toBe('ok')
    expect(done()).not.toContain('web start')
    expect(existsSync(join(home, 'ip.runs'))).toBe(false)
  })

  test('keeps what is below a member that does not stop', async () => {
    const driver = newDriver('ocf-group')
    await startGroup(driver, 'fs', 'web')
    on('stop', 'exit 1', 'web')
    expect((await driver.stop(groupSid, 0)).outcome).toBe('error')
    expect(existsSync(join(home, 'fs.runs'))).toBe(true)
  })

  test('of which one member has gone is found as a doubt by the next agent', async () => {
    await startGroup(newDriver('ocf-group'), 'ip', 'web')
    rmSync(join(home, 'ip.runs'))
    const states = (await newDriver('ocf-group').survey()).map(({ state }) => state)
    expect(states).toEqual(['unknown'])
  })

  test('asks for each member whether it may still begin (S14)', async () => {
    const driver = newDriver('ocf-group')
    const mayStart = () => !read('log').includes('ip start')
    const spec = group('ip', 'web')
    const { outcome } = await driver.start({ sid: groupSid, generation: 1, spec, mayStart })
    expect(outcome).toBe('error')
    expect(done()).toEqual(['ip start'])
  })
})
