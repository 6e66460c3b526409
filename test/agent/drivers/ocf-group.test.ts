// Several resources as one service: in order, in reverse, and never more of them than their neighbours allow.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { madeHost } from './made-host.ts'

const host = madeHost()
const { newDriver, made, start, on, read, done } = host
const group = (...names: string[]) => ({ members: names.map((name) => ({ name, ...made() })) })
const groupSid = 'ocf-group:a'

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
    expect(existsSync(join(host.home, 'ip.runs'))).toBe(false)
  })

  test('keeps what is below a member that does not stop', async () => {
    const driver = newDriver('ocf-group')
    await startGroup(driver, 'fs', 'web')
    on('stop', 'exit 1', 'web')
    expect((await driver.stop(groupSid, 0)).outcome).toBe('error')
    expect(existsSync(join(host.home, 'fs.runs'))).toBe(true)
  })

  test('of which one member has gone is found as a doubt by the next agent', async () => {
    await startGroup(newDriver('ocf-group'), 'ip', 'web')
    rmSync(join(host.home, 'ip.runs'))
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
