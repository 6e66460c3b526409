// The source's half of a live move of a resource, and every way in which its agent or its action ends (S4): what was sent off
// never runs there again, nor does what may have been; what its agent itself says was not sent is where its monitor says.
import { describe, expect, test } from 'vitest'
import { carriedPair, sid } from './carried-pair.ts'
import { at, begun, moved, sent } from './carried-steps.ts'
import { isAlive } from './is-alive.ts'
import { until } from './made-host.ts'

const pair = carriedPair()
const { newDriver, migrate, takeUp, on, off, read, count, done } = pair

describe('a migrate_to', () => {
  test('that fails leaves it where its monitor says that it runs, watched as before', async () => {
    on('n1', 'migrate_to', 'echo "ocf-exit-reason:no line" >&2; exit 1')
    const { source, target } = await begun(pair)
    const result = await migrate(source)
    expect(result).toMatchObject({ outcome: 'error', left: 'running' })
    expect(result.detail).toContain('no line')
    expect(await source.survey()).toEqual(at(5, 'running'))
    on('n1', 'monitor', 'exit 7')
    await until(() => pair.told.includes('n1 exited 5'))
    expect((await target.stop(sid, 0)).outcome).toBe('ok')
    expect(await target.survey()).toEqual([])
  })

  test('that fails after it had gone is not taken for one that stayed: nothing is left here, and nothing is started', async () => {
    on('n1', 'migrate_to.after', 'exit 1')
    const { source, target } = await begun(pair)
    expect(await migrate(source)).toMatchObject({ outcome: 'error', left: 'nothing' })
    expect(await source.survey()).toEqual([])
    expect(await takeUp(target, null)).toMatchObject({ outcome: 'error' })
    expect(done()).toEqual(['n1 start', 'n1 migrate_to n1>n2', 'n1 stop'])
  })

  test('that hangs is killed with all of its group at its timeout, and nothing of it is left here', async () => {
    on('n1', 'migrate_to', `sleep 600 & echo $! >${pair.home}/child; wait`)
    const { source } = await begun(pair)
    const result = await migrate(source, { timeoutMs: 300 })
    expect(result).toMatchObject({ outcome: 'timeout', left: 'nothing' })
    expect(result.detail).toContain('300 ms')
    await until(() => !isAlive(read('child')))
    expect({ found: await source.survey(), count: count('n1') }).toEqual({ found: [], count: '' })
  })

  test('that was killed can send nothing off later: what it had left on its way is killed first', async () => {
    const later = `setsid sh -c 'echo $$ >${pair.home}/late; sleep 600' </dev/null >/dev/null 2>&1 &`
    on('n1', 'migrate_to', `${later} sleep 600`)
    const { source } = await begun(pair)
    expect(await migrate(source, { timeoutMs: 400 })).toMatchObject({ left: 'nothing' })
    expect(isAlive(read('late'))).toBe(false)
  })

  test('is ended by a cancel, and so is what it was to send: nobody knows how far it had come', async () => {
    on('n1', 'migrate_to', `echo $$ >${pair.home}/mover; sleep 600`)
    const { source } = await begun(pair)
    const moving = migrate(source)
    await until(() => read('mover'))
    expect(await source.survey()).toEqual(at(5, 'migrating'))
    expect(await source.cancel!(sid)).toMatchObject({ left: 'nothing' })
    expect(await moving).toMatchObject({ outcome: 'error', left: 'nothing' })
    expect(isAlive(read('mover'))).toBe(false)
    expect({ found: await source.survey(), count: count('n1') }).toEqual({ found: [], count: '' })
  })

  test('is ended by a stop, which leaves nothing', async () => {
    on('n1', 'migrate_to', `echo $$ >${pair.home}/mover; sleep 600`)
    const { source } = await begun(pair)
    const moving = migrate(source)
    await until(() => read('mover'))
    expect((await source.stop(sid, 60_000)).outcome).toBe('ok')
    await moving
    expect(isAlive(read('mover'))).toBe(false)
    expect({ found: await source.survey(), count: count('n1') }).toEqual({ found: [], count: '' })
  })

  test('whose monitor does not say that it runs, and whose stop fails, leaves a doubt until that succeeds', async () => {
    on('n1', 'migrate_to.after', 'exit 1')
    on('n1', 'stop', 'exit 1')
    const { source } = await begun(pair)
    on('n1', 'monitor', 'exit 1')
    expect(await migrate(source)).toMatchObject({ left: 'unknown' })
    expect(await source.survey()).toEqual(at(5, 'migrating'))
    off('n1', 'stop')
    off('n1', 'monitor')
    expect(await source.cancel!(sid)).toMatchObject({ left: 'nothing' })
  })
})

describe('a source whose agent was killed', () => {
  /** The next agent's driver, which has ended what it found; and the move that nobody waits for any more. */
  async function killedWhileSending() {
    const { source } = await begun(pair)
    const moving = migrate(source)
    await until(() => read('mover'))
    source.detach()
    const next = newDriver('n1')
    expect(await next.survey()).toEqual(at(5, 'migrating'))
    expect(await next.cancel!(sid)).toMatchObject({ outcome: 'error', left: 'nothing' })
    return { next, moving }
  }

  test('in the middle of a migrate_to: the next one ends that, and what it was to send', async () => {
    on('n1', 'migrate_to', `echo $$ >${pair.home}/mover; sleep 600`)
    const { next, moving } = await killedWhileSending()
    expect(isAlive(read('mover'))).toBe(false)
    expect({ found: await next.survey(), count: count('n1') }).toEqual({ found: [], count: '' })
    await moving
  })

  test('after its migrate_to, whose result was lost: what is left is stopped, and nothing is started', async () => {
    on('n1', 'migrate_to.after', `echo $$ >${pair.home}/mover; sleep 600`)
    const { next, moving } = await killedWhileSending()
    expect(await next.survey()).toEqual([])
    expect(done()).toEqual(['n1 start', 'n1 migrate_to n1>n2', 'n1 stop'])
    await moving
  })

  test('after it had sent it off: it never falls back, not even where its monitor says that it runs', async () => {
    // As agents do that keep their resource active until they are told to stop it.
    on('n1', 'migrate_to.after', `cp ${pair.home}/n1/parcel ${pair.home}/n1/runs`)
    await sent(pair)
    const next = newDriver('n1')
    expect(await next.survey()).toEqual(at(5, 'migrating'))
    expect(count('n1')).toBe('1')
    expect(await next.cancel!(sid)).toEqual(moved)
    expect({ found: await next.survey(), count: count('n1') }).toEqual({ found: [], count: '' })
  })

  test('and whose host was rebooted knows of nothing that is still on its way', async () => {
    await sent(pair)
    expect(await newDriver('n1', 'boot-2').survey()).toEqual([])
  })
})

describe('a source that has sent it off', () => {
  test('and cannot stop what is left says neither that it is gone nor that it runs', async () => {
    const { source } = await sent(pair)
    on('n1', 'stop', 'exit 1')
    on('n1', 'monitor', 'exit 1')
    expect(await source.cancel!(sid)).toMatchObject({ left: 'unknown' })
    expect(await source.survey()).toEqual(at(5, 'migrating'))
    off('n1', 'stop')
    off('n1', 'monitor')
    expect(await source.cancel!(sid)).toEqual(moved)
  })

  test('is stopped by an order to stop, like any other', async () => {
    const { source } = await sent(pair)
    expect((await source.stop(sid, 1_000)).outcome).toBe('ok')
    expect(await source.survey()).toEqual([])
  })
})
