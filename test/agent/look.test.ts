// A look at the host whose tools hang: each driver for itself, and none keeps what the others say.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../agent/drivers/driver.ts'
import { type HostOptions, hostDrivers } from '../../agent/drivers/host-drivers.ts'
import { createLxcDriver } from '../../agent/drivers/lxc/lxc-driver.ts'
import { createVmDriver } from '../../agent/drivers/vm/vm-driver.ts'
import { createLook } from '../../agent/lrm/look.ts'
import { systemClock, systemTimers } from '../../shared/clock.ts'
import type { ServiceType } from '../../shared/names.ts'

const web = { sid: 'process:web', generation: 4, spec: { command: ['sleep', '600'] } }
const path = process.env['PATH']
let home: string
let drivers: Driver[]

const optionsOf = (type: ServiceType): HostOptions => ({
  ...{ home: join(home, type), runDirectory: join(home, type, 'run'), node: 'n1' },
  ...{ owner: { clusterUuid: randomUUID(), nodeUid: randomUUID() }, bootId: 'boot-1' },
  ...{ clock: systemClock(), log: () => {}, events: { exited() {}, arrived() {} } },
  ...{ libvirtUri: `qemu+unix:///system?socket=${home}/none`, libvirtAddress: '' },
})

const create = (type: ServiceType): Driver => {
  const driver = hostDrivers.find((one) => one.type === type)!.create(optionsOf(type))
  drivers.push(driver)
  return driver
}

/** In place of a tool: it never answers, until `goOn`, or until its folder is gone with the test. */
function hang(tool: string): void {
  const file = join(home, 'bin', tool)
  const script = `#!/bin/sh\nwhile [ -d ${home} ] && [ ! -e ${home}/go-on ]; do sleep 0.05; done\necho '[]'\n`
  writeFileSync(file, script)
  chmodSync(file, 0o755)
}
const goOn = () => writeFileSync(join(home, 'go-on'), '')

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-look-'))
  mkdirSync(join(home, 'bin'))
  process.env['PATH'] = `${join(home, 'bin')}:${path}`
  drivers = []
})
afterEach(async () => {
  goOn()
  await drivers.find(({ type }) => type === 'process')?.stop(web.sid, 0)
  for (const driver of drivers) driver.detach()
  process.env['PATH'] = path
  rmSync(home, { recursive: true, force: true })
})

describe.skipIf(process.getuid?.() !== 0)('a tool that hangs', () => {
  test.each<[ServiceType, string]>([
    ['podman', 'podman'],
    ['vm', 'virsh'],
  ])(
    'blinds the driver of %s services, and no other, and only as long as it hangs',
    async (type, tool) => {
      hang(tool)
      const commands = create('process')
      expect(await commands.start({ ...web, mayStart: () => true })).toMatchObject({
        outcome: 'ok',
      })
      const look = createLook([create(type), commands], systemTimers)
      const began = performance.now()
      expect(await look([])).toMatchObject({
        found: [{ sid: web.sid, generation: 4, state: 'running' }],
        blind: [{ type }],
      })
      expect(performance.now() - began).toBeLessThan(4_000)
      expect(existsSync(join(home, 'go-on'))).toBe(false)
      // While it has not answered it is not asked again, and nobody waits for it.
      const again = performance.now()
      expect(await look([])).toMatchObject({ found: [{ sid: web.sid }], blind: [{ type }] })
      expect(performance.now() - again).toBeLessThan(1_000)
      goOn()
      if (type === 'podman')
        await expect.poll(() => look([]), { timeout: 20_000 }).toMatchObject({ blind: [] })
    },
  )
})

test('a start gate that cannot be put in does not hide what somebody else has started (S8)', async () => {
  const lxcPath = join(home, 'lxc')
  // No configuration, and so no gate.
  mkdirSync(join(lxcPath, 'broken', 'config'), { recursive: true })
  const driver = createLxcDriver({ ...optionsOf('ct'), lxcPath })
  drivers.push(driver)
  const byHand = spawn('sleep', ['60'], { argv0: `[lxc monitor] ${lxcPath} db` })
  try {
    const known = ['broken', 'db'].map((container) => ({
      sid: `ct:${container}`,
      spec: { container },
    }))
    expect(await createLook([driver], systemTimers)([], known)).toMatchObject({
      found: [{ sid: 'ct:db', generation: 0, state: 'unknown' }],
      blind: [{ type: 'ct' }],
    })
  } finally {
    byHand.kill('SIGKILL')
  }
})

test('without its hook a daemon that is away is no reason to take machines for gated (S8)', async () => {
  const virsh = join(home, 'bin', 'virsh')
  const none = "error: Failed to connect socket to '/none': No such file or directory"
  writeFileSync(virsh, `#!/bin/sh\necho "${none}" >&2\nexit 1\n`)
  chmodSync(virsh, 0o755)
  const hooks = join(home, 'hooks')
  const driver = createVmDriver({ ...optionsOf('vm'), hooks, pidFiles: [] })
  drivers.push(driver)
  const known = [{ sid: 'vm:100', spec: { name: 'one', uuid: randomUUID() } }]
  const look = createLook([driver], systemTimers)
  // It waits for a daemon that may be about to find its hooks, and longer than a first look does.
  await expect.poll(() => look([], known), { timeout: 20_000 }).toMatchObject({ blind: [] })
  rmSync(hooks, { recursive: true })
  writeFileSync(hooks, 'no folder')
  const why = expect.stringContaining('cannot be installed') as string
  expect(await look([], known)).toMatchObject({ blind: [{ type: 'vm', why }] })
})
