// Resources that run, and their monitors: of this boot, and of the one before.
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { canFreeze, freezer } from './freezer.ts'
import { isAlive } from './is-alive.ts'
import { found, madeHost, sid, until } from './made-host.ts'

const host = madeHost()
const { newDriver, made, start, on, off, read, done } = host
const { freezeMe, thaw } = freezer()

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
    expect(existsSync(join(host.home, 'a.runs'))).toBe(false)
  })

  const often = { operations: { monitor: { intervalMs: 500, timeoutMs: 300 } } }

  test('whose monitor does not answer in time has crashed', async () => {
    const driver = newDriver()
    await start(driver, made(often))
    on('monitor', 'sleep 600')
    await until(() => host.exits.length > 0)
    expect(host.exits).toEqual([
      { sid, generation: 1, detail: 'its monitor did not answer in time' },
    ])
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
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver()
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(await next.survey()).toEqual([])
  })
})

describe('a monitor that hangs', () => {
  const spec = () => made({ operations: { monitor: { timeoutMs: 300 } } })
  /** Notes each call, and whether another one is still there. */
  const counted = (shell: string) =>
    on(
      'monitor',
      `for pid in $(cat ${host.home}/asked 2>/dev/null); do
  [ ! -d /proc/$pid ] || echo $pid >>${host.home}/piled
done
echo $$ >>${host.home}/asked; ${shell}`,
    )
  const asked = () => read('asked').split('\n').length

  test('is killed with its group at its timeout before the next one is begun: they do not pile up', async () => {
    counted(`sleep 600 & echo $! >>${host.home}/children; wait`)
    const driver = newDriver()
    const look = () => driver.survey([{ sid, spec: spec() }])
    for (let i = 0; i < 3; i++) await Promise.all([look(), look()])
    expect(read('piled')).toBe('')
    expect(asked()).toBeGreaterThan(2)
    await until(() =>
      read('children')
        .split('\n')
        .every((pid) => !isAlive(pid)),
    )
  })

  test.skipIf(!canFreeze)(
    'and that the kernel cannot end is not asked again before it is gone',
    async () => {
      counted(`${freezeMe()}; sleep 600`)
      const driver = newDriver()
      const doubt = [{ sid, generation: 0, state: 'unseen' }]
      for (let i = 0; i < 3; i++)
        expect(await driver.survey([{ sid, spec: spec() }])).toEqual(doubt)
      expect(asked()).toBe(1)
      off('monitor')
      thaw()
      await vi.waitFor(async () => expect(await driver.survey([{ sid, spec: spec() }])).toEqual([]))
    },
  )

  test('and is of the service that is being stopped holds up no stop', async () => {
    const driver = newDriver()
    await start(driver, made({ operations: { monitor: { intervalMs: 500, timeoutMs: 60_000 } } }))
    const isRecurring = '[ "$OCF_RESKEY_CRM_meta_interval" = 0 ]'
    on('monitor', `${isRecurring} || { echo $$ >${host.home}/hangs; sleep 600; }`)
    await until(() => read('hangs'))
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(isAlive(read('hangs'))).toBe(false)
  })
})

describe('after a reboot', () => {
  test('what something else has started again is a doubt, and ended (S8)', async () => {
    await start(newDriver())
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(existsSync(join(host.home, 'a.runs'))).toBe(false)
    expect(await next.survey()).toEqual([])
  })

  test('what does not run is nothing', async () => {
    await start(newDriver())
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    expect(done()).toEqual(['a start'])
  })

  test('what its host starts only after the first look is found, too, and ended (S8)', async () => {
    await start(newDriver())
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    writeFileSync(join(host.home, 'a.runs'), '')
    expect(await next.survey()).toEqual(found('unknown'))
    expect((await next.stop(sid, 0)).outcome).toBe('ok')
    expect(existsSync(join(host.home, 'a.runs'))).toBe(false)
    expect(await next.survey()).toEqual([])
    // Once more, as by a service manager that restarts what was ended.
    writeFileSync(join(host.home, 'a.runs'), '')
    expect(await next.survey()).toEqual(found('unknown'))
  })

  test('what did not run at the first look can be started again', async () => {
    await start(newDriver())
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    expect(await next.survey()).toEqual([])
    expect((await start(next)).outcome).toBe('ok')
    expect(await next.survey()).toEqual(found('running'))
  })

  test('what is started while the host is looked at stays known', async () => {
    await start(newDriver())
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    host.upMs = 3_600_000
    // The first monitor of all is the look's, and answers last.
    on('monitor', `if mkdir ${host.home}/first 2>/dev/null; then sleep 1; exit 7; fi`)
    const looking = next.survey()
    await until(() => existsSync(join(host.home, 'first')))
    expect((await start(next)).outcome).toBe('ok')
    await looking
    expect(await next.survey()).toEqual(found('running'))
    expect(existsSync(join(host.home, 'ocf', `${sid}.json`))).toBe(true)
  })

  test('long ago nothing is asked of what was here before', async () => {
    await start(newDriver())
    rmSync(join(host.home, 'a.runs'))
    const next = newDriver('ocf', 'boot-2')
    host.upMs = 3_600_000
    expect(await next.survey()).toEqual([])
    const looks = read('log').length
    expect(await next.survey()).toEqual([])
    expect(read('log').length).toBe(looks)
  })

  test('the record of it is whole: what is on disk is never written over in passing', async () => {
    await start(newDriver())
    const record = join(host.home, 'ocf', `${sid}.json`)
    // The last time it was written was before its start.
    expect(statSync(record).mtimeMs).toBeLessThanOrEqual(
      statSync(join(host.home, 'a.runs')).mtimeMs,
    )
  })
})
