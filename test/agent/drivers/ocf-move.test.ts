// Live moves of a resource between two nodes, and every point at which one of those that take part fails, hangs or is lost
// (S4): what was sent off never runs at the source again, and what was not is where its monitor says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { carriedPair, sid } from './carried-pair.ts'
import { at, begun, moved, sent } from './carried-steps.ts'
import { isAlive } from './is-alive.ts'
import { until } from './made-host.ts'

const pair = carriedPair()
const { newDriver, spec, running, receive, migrate, takeUp, on, read, count, done } = pair

describe('a live move of a resource', () => {
  test('goes in Pacemaker’s order, carries what it is about, and never starts it anew', async () => {
    const { source, target } = await sent(pair)
    expect(await source.survey()).toEqual(at(5, 'migrating'))
    expect(await target.survey()).toEqual(at(6, 'incoming'))
    expect(await takeUp(target)).toEqual({ outcome: 'ok', detail: '' })
    expect(await source.cancel!(sid)).toEqual(moved)
    expect(await source.survey()).toEqual([])
    expect(await target.survey()).toEqual(at(6, 'running'))
    expect({ n1: count('n1'), n2: count('n2') }).toEqual({ n1: '', n2: '2' })
    const order = ['n1 start', 'n1 migrate_to n1>n2', 'n2 migrate_from n1>n2', 'n1 stop']
    expect(done()).toEqual(order)
    expect(pair.told).toEqual([])
  })

  test('gives each action its own time: the specification’s, else the agent’s', async () => {
    const [source, target] = [newDriver('n1'), newDriver('n2')]
    const timed = spec({ operations: { migrate_to: { timeoutMs: 7_000 } } })
    await running(source, timed)
    await receive(target, timed)
    await migrate(source)
    await takeUp(target)
    const log = readFileSync(join(pair.home, 'log'), 'utf8')
    expect(log).toContain('n1 migrate_to n1>n2 7000')
    expect(log).toContain('n2 migrate_from n1>n2 15000')
  })

  test('is watched where it arrived, and a crash there is told', async () => {
    const { target } = await sent(pair)
    await takeUp(target)
    on('n2', 'monitor', 'exit 7')
    await until(() => pair.told.includes('n2 exited 6'))
  })

  test('begins nothing that the lease allows no more', async () => {
    const [source, target] = [newDriver('n1'), newDriver('n2')]
    await running(source)
    expect(await receive(target, spec(), () => false)).toMatchObject({ outcome: 'error' })
    expect(await target.survey()).toEqual([])
    const late = await migrate(source, { mayBegin: () => false })
    expect(late).toMatchObject({ outcome: 'error', left: 'running' })
    await receive(target)
    expect(await takeUp(target, 'n1', () => false)).toMatchObject({ outcome: 'error' })
    expect(done()).toEqual(['n1 start'])
    expect(await source.survey()).toEqual(at(5, 'running'))
  })

  test.each([
    ['is not allowed', ['migrate_to', 'migrate_from'], false, 'live: true'],
    ['is not declared', [], true, 'no migrate_to and no migrate_from'],
    ['is declared by half', ['migrate_to'], true, 'no migrate_from'],
  ])('that %s is none: both ends say so, and nothing is touched', async (_, actions, live, why) => {
    pair.declare(...actions)
    const [source, target] = [newDriver('n1'), newDriver('n2')]
    await running(source, spec({ live }))
    const refused = { outcome: 'not-live', detail: expect.stringContaining(why) }
    expect(await receive(target, spec({ live }))).toMatchObject(refused)
    const asked = await migrate(source, { spec: spec({ live }) })
    expect(asked).toMatchObject({ ...refused, left: 'running' })
    expect(await source.survey()).toEqual(at(5, 'running'))
    expect(done()).toEqual(['n1 start'])
  })

  test('ends first what runs at the target without a grant (S8)', async () => {
    const [source, target] = [newDriver('n1'), newDriver('n2')]
    await running(source)
    on('n2', 'monitor', `[ -f ${pair.home}/stopped ] || exit 0`)
    on('n2', 'stop', `touch ${pair.home}/stopped`)
    expect(await receive(target)).toMatchObject({ outcome: 'ok' })
    expect(done()).toEqual(['n1 start', 'n2 stop'])
  })
})

describe('a migrate_from', () => {
  test('that fails after a migrate_to that succeeded leaves it nowhere: both ends stop, and say so', async () => {
    on('n2', 'migrate_from', 'exit 1')
    const { source, target } = await sent(pair)
    expect(await takeUp(target)).toMatchObject({ outcome: 'error' })
    expect(await target.survey()).not.toEqual(at(6, 'running'))
    expect((await target.stop(sid, 0)).outcome).toBe('ok')
    expect(await source.cancel!(sid)).toEqual(moved)
    expect([await source.survey(), await target.survey()]).toEqual([[], []])
    expect([count('n1'), count('n2')]).toEqual(['', ''])
    expect(done().slice(2)).toEqual(['n2 migrate_from n1>n2', 'n2 stop', 'n1 stop'])
  })

  test('that hangs is killed with all of its group at its timeout, and has not arrived', async () => {
    on('n2', 'migrate_from', `sleep 600 & echo $! >${pair.home}/child; wait`)
    const [source, target] = [newDriver('n1'), newDriver('n2')]
    const quick = spec({ operations: { migrate_from: { timeoutMs: 300 } } })
    await running(source, quick)
    await receive(target, quick)
    await migrate(source)
    expect(await takeUp(target)).toMatchObject({ outcome: 'timeout' })
    await until(() => !isAlive(read('child')))
    expect((await target.stop(sid, 0)).outcome).toBe('ok')
    expect(await target.survey()).toEqual([])
  })

  test('that claims success while its monitor says otherwise has not arrived', async () => {
    on('n2', 'migrate_from', 'exit 0')
    const { target } = await sent(pair)
    expect(await takeUp(target)).toMatchObject({ outcome: 'error' })
  })

  test('is ended by a stop: nothing of it can arrive afterwards', async () => {
    on('n2', 'migrate_from', `echo $$ >${pair.home}/taker; sleep 600`)
    const { target } = await sent(pair)
    const taking = takeUp(target)
    await until(() => read('taker'))
    expect(await target.survey()).toEqual(at(6, 'incoming'))
    expect((await target.stop(sid, 60_000)).outcome).toBe('ok')
    expect(await taking).toMatchObject({ outcome: 'error' })
    expect(isAlive(read('taker'))).toBe(false)
    expect([await target.survey(), count('n2')]).toEqual([[], ''])
    // Its half is over: whoever comes late finds it closed.
    expect(await takeUp(target)).toMatchObject({ outcome: 'error' })
    expect(count('n2')).toBe('')
  })
})

describe('a target whose agent was killed', () => {
  test('before anything was sent is found open by the next one, which attaches to its half', async () => {
    const { source } = await begun(pair)
    const next = newDriver('n2')
    expect(await next.survey()).toEqual(at(6, 'incoming'))
    expect(await receive(next)).toMatchObject({ outcome: 'ok', address: 'n2', takesUp: true })
    await migrate(source)
    expect((await takeUp(next)).outcome).toBe('ok')
    expect(count('n2')).toBe('2')
  })

  test('in the middle of a migrate_from leaves a doubt, which a stop ends for good', async () => {
    on('n2', 'migrate_from.after', `echo $$ >${pair.home}/taker; sleep 600`)
    const { target } = await sent(pair)
    const taking = takeUp(target)
    await until(() => read('taker'))
    const next = newDriver('n2')
    // Whatever its monitor says: it may be half done.
    expect(count('n2')).toBe('2')
    expect(await next.survey()).toEqual(at(6, 'unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(isAlive(read('taker'))).toBe(false)
    expect([await next.survey(), count('n2')]).toEqual([[], ''])
    await taking
  })

  test('after a migrate_from whose result was lost runs it on, if its monitor says so', async () => {
    on('n2', 'migrate_from.after', `touch ${pair.home}/arrived; sleep 0.3`)
    const { target } = await sent(pair)
    const taking = takeUp(target)
    await until(() => count('n2'))
    const next = newDriver('n2')
    await taking
    expect(await next.survey()).toEqual(at(6, 'running'))
    expect(done()).not.toContain('n2 stop')
  })
})

describe('a half of which nobody knows whether it was sent', () => {
  test('is running if its monitor says so, and nothing of it is begun anew', async () => {
    const { target } = await begun(pair)
    // As agents do that bring it to life over there by themselves.
    on('n2', 'monitor', 'exit 0')
    expect(await target.survey()).toEqual(at(6, 'incoming'))
    expect((await takeUp(target, null)).outcome).toBe('ok')
    expect(await target.survey()).toEqual(at(6, 'running'))
    expect(done()).toEqual(['n1 start'])
  })
})
