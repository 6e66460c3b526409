// Resource agents that hang, fail, lie and are cut short in a start or a stop: what the driver says is gone is gone, and
// what may still be under way is never nothing.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { callAgent, gateClosedCode } from '../../../agent/drivers/ocf/agent-call.ts'
import { isAlive } from './is-alive.ts'
import { makeAgent } from './made-agent.ts'
import { found, madeHost, sid, until } from './made-host.ts'

const host = madeHost()
const { newDriver, made, start, on, off, read, done } = host
const groupSid = 'ocf-group:a'

describe('a start', () => {
  test('that hangs is killed with all of its group at its own timeout, and is told as one', async () => {
    on('start', `sleep 600 & echo $! >${host.home}/child; wait`)
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
    on('start', `echo $$ >${host.home}/starter; sleep 600`)
    host.begun.push(start(newDriver()))
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
    host.begun.push(start(newDriver()))
    await until(() => read('log').includes('start'))
    const next = newDriver()
    await until(() => read('a.runs') !== '' || existsSync(join(host.home, 'a.runs')))
    await vi.waitFor(async () => expect(await next.survey()).toEqual(found('running')))
  })

  test('that is half done when the next agent looks is a doubt, whatever its monitor says', async () => {
    on('start', `: >${host.home}/a.runs; echo $$ >${host.home}/starter; sleep 600`)
    host.begun.push(start(newDriver()))
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
      const [gate, runFile] = [join(host.home, 'gate'), join(host.home, 'run-file')]
      if (there !== null) writeFileSync(gate, `${there}\n`)
      const result = await callAgent({
        ...{
          ocfRoot: makeAgent(host.home),
          action: 'start',
          timeoutMs: 5_000,
          node: 'n1',
          mark: 'm',
        },
        resource: { name: 'a', provider: 'holdfast', type: 'Made', parameters: { dir: host.home } },
        launch: { gate, grant: 'grant 1', runFile, bootId: 'boot-1' },
      })
      expect(result.code).toBe(code)
      expect(done()).toEqual(code === 0 ? ['a start'] : [''])
      // Written before the look at the gate: who closes the gate first, and looks then, finds it.
      expect(read('run-file')).toMatch(/^boot-1 /)
    },
  )

  test('leaves nothing on its way that could begin after a stop: what a killed start has sent off is killed too', async () => {
    const late = `setsid sh -c 'echo $$ >${host.home}/late; sleep 1; : >${host.home}/a.runs' >/dev/null 2>&1 </dev/null &`
    on('start', `${late} sleep 600`)
    const driver = newDriver()
    const starting = start(driver)
    await until(() => read('late'))
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    await starting
    expect(isAlive(read('late'))).toBe(false)
  })

  test('finds what runs without a grant, and ends it first (S8)', async () => {
    writeFileSync(join(host.home, 'a.runs'), '')
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
    on('stop', `echo $$ >${host.home}/stopper; sleep 600`)
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
    on('stop', `echo $$ >${host.home}/stopper; sleep 600`)
    host.begun.push(driver.stop(sid, 60_000))
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
