// The driver contract for units, and what is a unit's own, against a real systemd as first process of a machine.
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver, DriverEvents } from '../../../agent/drivers/driver.ts'
import { whyNoMachine } from '../../nspawn/image.ts'
import { bootMachine, type Machine } from '../../nspawn/machine.ts'
import { remoteDriver } from '../../nspawn/remote-driver.ts'
import { driverContract } from './contract.ts'

const whyNot = whyNoMachine()
const root = resolve(import.meta.dirname, '../../..')
const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
const sid = 'systemd:db'
let machine: Machine

beforeAll(async () => {
  if (whyNot === null) machine = await bootMachine(`units-${process.pid}`, [root])
}, 360_000)
afterAll(async () => await machine?.cutPower())

const inside = async (program: string, ...args: string[]) =>
  (await machine.run(program, ...args)).stdout.trim()
const systemctl = (...args: string[]) => machine.run('systemctl', ...args)
const unitFile = (name: string) => machine.path(`/etc/systemd/system/${name}`)

function writeUnit(name: string, lines: string[]): void {
  writeFileSync(unitFile(name), `${lines.join('\n')}\n`)
}
const service = (...lines: string[]) => [
  ...['[Service]', 'Restart=always', 'RestartSec=50ms', ...lines],
  ...['[Install]', 'WantedBy=multi-user.target'],
]

async function freshUnits(): Promise<void> {
  writeUnit('db.service', service('ExecStart=/bin/sleep 1000'))
  writeUnit('fails.service', service('ExecStartPre=/bin/false', 'ExecStart=/bin/sleep 1000'))
  const deaf = `/bin/sh -c 'trap "" TERM; while :; do sleep 0.1; done'`
  writeUnit('deaf.service', service(`ExecStart=${deaf}`, 'TimeoutStopSec=infinity'))
  await systemctl('daemon-reload')
}

/** In one go: each program that is run inside costs its while. */
async function noUnits(): Promise<void> {
  const script = `cd /etc/systemd/system; for one in db.service fails.service deaf.service db.timer
    do systemctl kill -s KILL $one; systemctl disable $one; rm -rf $one $one.d; done
    rm -rf /run/holdfast; systemctl daemon-reload; systemctl reset-failed`
  await machine.run('sh', '-c', script)
}

driverContract('systemd', whyNot, async () => {
  await freshUnits()
  const units = ['db.service', 'deaf.service', 'fails.service']
  return {
    sid,
    specs: {
      runs: {},
      fails: { unit: 'fails.service' },
      invalid: { unit: 'db.socket' },
      deaf: { unit: 'deaf.service' },
    },
    createDriver: (events) => remoteDriver(machine, 'systemd', owner, events),
    createForeign: (events) =>
      remoteDriver(machine, 'systemd', { ...owner, nodeUid: randomUUID() }, events),
    crash: async () => void (await systemctl('kill', '-s', 'KILL', 'db.service')),
    isAlive: async () => {
      const { stdout } = await systemctl('is-active', ...units)
      return stdout.split('\n').includes('active')
    },
    startByOthers: async () => {
      const soon = '--on-active=1ms --timer-property=AccuracySec=1ms --collect'
      const script = `systemctl start db; systemctl enable --now db
        systemd-run ${soon} systemctl start db; systemctl isolate multi-user.target`
      await machine.run('sh', '-c', script)
    },
    noticesWithinMs: 1_000,
    patienceMs: 10_000,
    end: noUnits,
  }
})

describe.skipIf(whyNot !== null)('a unit', { timeout: 60_000 }, () => {
  let driver: Driver
  const events: DriverEvents = { exited: () => {}, arrived: () => {} }
  const start = (spec: object = {}) =>
    driver.start({ sid, generation: 2, spec, mayStart: () => true })

  const soon = { timeout: 10_000 }
  /** Starts until it is told to go on with `then`. */
  async function slowUnit(then: string): Promise<void> {
    const wait = `/bin/sh -c 'while ! test -e /run/go-on; do sleep 0.1; done'`
    rmSync(machine.path('/run/go-on'), { force: true })
    writeUnit('db.service', service(`ExecStartPre=${wait}`, `ExecStart=${then}`))
    await systemctl('daemon-reload')
  }
  const starting = () =>
    expect
      .poll(() => inside('systemctl', 'show', 'db', '-p', 'ActiveState', '--value'), soon)
      .toBe('activating')

  beforeEach(async () => {
    await freshUnits()
    driver = remoteDriver(machine, 'systemd', owner, events)
  })
  afterEach(async () => {
    await driver.stop(sid, 0)
    driver.detach()
    await noUnits()
  })

  test('that a timer would start as well is refused, and says how to end that (S8)', async () => {
    writeUnit('db.timer', ['[Timer]', 'OnCalendar=daily', '[Install]', 'WantedBy=timers.target'])
    await systemctl('enable', '--now', 'db.timer')
    const { outcome, detail } = await start()
    expect(outcome).toBe('invalid')
    expect(detail).toContain('systemctl disable --now db.timer')
  })

  test('is not enabled any more once it is a service, and not started by its manager (S8)', async () => {
    await systemctl('enable', 'db.service')
    expect((await start()).outcome).toBe('ok')
    const shown = await inside('systemctl', 'show', 'db', '-p', 'UnitFileState,Restart', '--value')
    expect(shown.split('\n').toSorted()).toEqual(['disabled', 'no'])
  })

  test('that runs by nobody’s grant is found as unknown, and goes', async () => {
    expect((await start()).outcome).toBe('ok')
    rmSync(machine.path('/run/holdfast/units'), { recursive: true })
    expect(await driver.survey()).toEqual([{ sid, generation: 0, state: 'unknown' }])
    expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
    expect(await driver.survey()).toEqual([])
  })

  test('that somebody else runs is found once it is asked for, and its manager starts it no more', async () => {
    await systemctl('enable', '--now', 'db.service')
    expect(await driver.survey()).toEqual([])
    expect(await driver.survey([{ sid, spec: {} }])).toEqual([
      { sid, generation: 0, state: 'running' },
    ])
    // Told from then on, for it may be adopted; and its end, too.
    expect(await driver.survey()).toEqual([{ sid, generation: 0, state: 'running' }])
    expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
    expect(await inside('systemctl', 'is-active', 'db')).not.toBe('active')
    await systemctl('start', 'db.service')
    expect(await driver.survey()).toEqual([])
  })

  test('that does not run where it is asked for cannot be started there by others any more (S8)', async () => {
    await systemctl('enable', 'db.service')
    expect(await driver.survey([{ sid, spec: {} }])).toEqual([])
    await systemctl('start', 'db.service')
    expect(await inside('systemctl', 'is-active', 'db')).not.toBe('active')
  })

  test('of a service that the cluster has is started by nobody else, also where it is installed later (S8)', async () => {
    const known = [{ sid, spec: {} }]
    rmSync(unitFile('db.service'))
    await systemctl('daemon-reload')
    expect(await driver.survey([], known)).toEqual([])
    // As a package does it.
    await freshUnits()
    await systemctl('enable', '--now', 'db.service')
    await systemctl('start', 'db.service')
    expect(await inside('systemctl', 'is-active', 'db')).not.toBe('active')
    expect(await driver.survey([], known)).toEqual([])
    expect(await inside('systemctl', 'is-enabled', 'db')).toBe('disabled')
    expect((await start()).outcome).toBe('ok')
    expect(await driver.survey([], known)).toEqual([{ sid, generation: 2, state: 'running' }])
  })

  test('that ran before its gate was there is found, as nobody’s generation (S8)', async () => {
    const known = [{ sid, spec: {} }]
    await systemctl('enable', '--now', 'db.service')
    expect(await driver.survey([], known)).toEqual([{ sid, generation: 0, state: 'running' }])
    expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
    await systemctl('start', 'db.service')
    expect(await inside('systemctl', 'is-active', 'db')).not.toBe('active')
  })

  test('whose service names a template by mistake keeps no other from being gated and found', async () => {
    const known = [
      { sid, spec: {} },
      { sid: 'systemd:web@', spec: {} },
      { sid: 'systemd:mail', spec: { unit: 'mail@.service' } },
    ]
    expect((await start()).outcome).toBe('ok')
    expect(await driver.survey(known, known)).toEqual([{ sid, generation: 2, state: 'running' }])
  })

  test('that is being reloaded runs', async () => {
    writeUnit('db.service', service('ExecStart=/bin/sleep 1000', 'ExecReload=/bin/sleep 1000'))
    await systemctl('daemon-reload')
    expect((await start()).outcome).toBe('ok')
    await systemctl('reload', '--no-block', 'db')
    // What is queued begins when the manager comes to it.
    await expect
      .poll(() => inside('systemctl', 'show', 'db', '-p', 'ActiveState', '--value'), {
        timeout: 10_000,
      })
      .toBe('reloading')
    expect(await driver.survey()).toEqual([{ sid, generation: 2, state: 'running' }])
  })

  test('that is still starting when it is first asked for is no leftover: it runs on, and its end is told', async () => {
    const ended: string[] = []
    driver.detach()
    driver = remoteDriver(machine, 'systemd', owner, {
      ...events,
      exited: (_, generation, detail) => ended.push(`${generation}: ${detail}`),
    })
    await slowUnit('/bin/false')
    await systemctl('start', '--no-block', 'db.service')
    await starting()
    const found = [{ sid, generation: 0, state: 'running' }]
    expect(await driver.survey([{ sid, spec: {} }])).toEqual(found)
    expect(await driver.survey()).toEqual(found)
    // Its start goes on, and fails.
    await inside('touch', '/run/go-on')
    await expect.poll(() => ended, soon).toEqual(['0: exit-code: exit code 1'])
  })

  test('that an earlier process was starting is found under its grant, and its start goes on', async () => {
    await slowUnit('/bin/sleep 1000')
    const begun = start().catch(() => {})
    await starting()
    driver.detach()
    await begun
    driver = remoteDriver(machine, 'systemd', owner, events)
    const found = [{ sid, generation: 2, state: 'running' }]
    expect(await driver.survey([], [{ sid, spec: {} }])).toEqual(found)
    await inside('touch', '/run/go-on')
    await expect.poll(() => inside('systemctl', 'is-active', 'db'), soon).toBe('active')
    expect(await driver.survey()).toEqual(found)
  })

  test('whose gate somebody takes away while it runs is found, and stopped, all the same', async () => {
    expect((await start()).outcome).toBe('ok')
    await systemctl('revert', 'db.service')
    expect(await driver.survey()).toEqual([{ sid, generation: 2, state: 'running' }])
    expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
    expect(await inside('systemctl', 'is-active', 'db')).not.toBe('active')
    expect(await driver.survey()).toEqual([])
  })

  test('that leaves processes behind when it is stopped is not stopped before they are gone (S16)', async () => {
    const command = `/bin/sh -c 'setsid -f sleep 1000; exec sleep 1000'`
    writeUnit('db.service', service(`ExecStart=${command}`, 'KillMode=process'))
    await systemctl('daemon-reload')
    expect((await start()).outcome).toBe('ok')
    expect((await driver.stop(sid, 500)).outcome).toBe('ok')
    expect(await inside('pgrep', '-c', 'sleep')).toBe('0')
  })

  test('that has another name is asked for by its own', async () => {
    await inside('ln', '-s', '/etc/systemd/system/db.service', '/etc/systemd/system/other.service')
    await systemctl('daemon-reload')
    const { outcome, detail } = await start({ unit: 'other.service' })
    await inside('rm', '/etc/systemd/system/other.service')
    expect({ outcome, detail }).toMatchObject({
      outcome: 'invalid',
      detail: expect.stringContaining('another name of db.service'),
    })
  })
})
