// A Pacemaker user's group as it stands: an address, a file system and a web server on it, by the real agents.
import { execFileSync } from 'node:child_process'
import { randomInt, randomUUID } from 'node:crypto'
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync } from 'node:fs'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { request } from 'undici'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { isInstalled } from '../../../agent/drivers/host-drivers.ts'
import { parseMetaData } from '../../../agent/drivers/ocf/meta-data.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createOcfDriver } from '../../../agent/drivers/ocf/ocf-driver.ts'
import { runCommand } from '../../../agent/drivers/run-command.ts'

const agents = '/usr/lib/ocf/resource.d/heartbeat'
const why = whyNot()
if (why !== null) process.stderr.write(`skipped: real resource agents: ${why}\n`)

function whyNot(): string | null {
  if (!existsSync(agents)) return `there are no resource agents in ${agents}`
  if (process.getuid?.() !== 0) return 'it takes root to mount and to add an address'
  const missing = ['nginx', 'mkfs.ext4', 'ip', 'modprobe', 'fuser'].filter(
    (program) => !isInstalled(program),
  )
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`
  return existsSync('/dev/loop-control') ? null : 'this kernel has no loop devices'
}

test('the meta-data of every agent of this host is understood', { timeout: 120_000 }, async () => {
  if (!existsSync(agents)) return
  const environment = { OCF_ROOT: '/usr/lib/ocf' }
  for (const name of readdirSync(agents)) {
    const { code, stdout } = await runCommand(join(agents, name), ['meta-data'], {
      ...{ timeoutMs: 20_000, environment },
    })
    // Some need a tool of their own for that.
    if (code !== 0) continue
    const meta = parseMetaData(stdout)
    const named = meta?.actions.map((action) => action.name)
    expect({ name, named }).toEqual({ name, named: expect.arrayContaining(['start', 'stop']) })
    const timeless = meta?.actions.filter(({ timeoutMs }) => timeoutMs === null)
    expect({ name, timeless }).toEqual({ name, timeless: [] })
  }
})

describe.skipIf(why !== null)('an address, a file system and a web server as one service', () => {
  const sid = 'ocf-group:web'
  // Of the loopback network, and of nobody else who tests on this machine.
  const ip = `127.${randomInt(64, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
  let home: string
  let driver: Driver
  let exits: { detail: string; atMs: number }[]

  const spec = () => ({
    members: [
      {
        ...{ name: 'vip', agent: 'ocf:heartbeat:IPaddr2' },
        parameters: { ip, nic: 'lo', cidr_netmask: '32' },
        operations: { monitor: { intervalMs: 500 } },
      },
      {
        ...{ name: 'data', agent: 'ocf:heartbeat:Filesystem' },
        parameters: {
          ...{ device: join(home, 'disk.img'), directory: join(home, 'mount') },
          ...{ fstype: 'ext4', options: 'loop' },
        },
        operations: { monitor: { intervalMs: 500 } },
      },
      {
        ...{ name: 'web', agent: 'ocf:heartbeat:nginx' },
        parameters: { configfile: join(home, 'nginx.conf') },
        operations: { monitor: { intervalMs: 500 } },
      },
    ],
  })
  const newDriver = () =>
    createOcfDriver('ocf-group', {
      ...{ home, runDirectory: join(home, 'run'), node: 'n1', bootId: 'boot-1', log: () => {} },
      clock: systemClock(),
      owner: { clusterUuid: randomUUID(), nodeUid: randomUUID() },
      events: {
        exited: (_sid, _generation, detail) => void exits.push({ detail, atMs: performance.now() }),
        arrived: () => expect.fail('nothing is moved here'),
      },
    })
  const start = () => driver.start({ sid, generation: 1, spec: spec(), mayStart: () => true })
  const hasAddress = () =>
    execFileSync('ip', ['-o', 'addr'], { encoding: 'utf8' }).includes(`${ip}/`)
  const isMounted = () => readFileSync('/proc/mounts', 'utf8').includes(join(home, 'mount'))
  const fetch = async () => (await request(`http://${ip}:8088/`)).body.text()

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-ocf-'))
    mkdirSync(join(home, 'mount'))
    const disk = openSync(join(home, 'disk.img'), 'w')
    ftruncateSync(disk, 8 * 1024 * 1024)
    closeSync(disk)
    execFileSync('mkfs.ext4', ['-q', join(home, 'disk.img')])
    writeFileSync(
      join(home, 'nginx.conf'),
      `worker_processes 1;
pid ${home}/nginx.pid;
error_log ${home}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${home}/t1; proxy_temp_path ${home}/t2; fastcgi_temp_path ${home}/t3;
  uwsgi_temp_path ${home}/t4; scgi_temp_path ${home}/t5;
  server { listen ${ip}:8088; location / { return 200 "from the group"; } }
}
`,
    )
    exits = []
    driver = newDriver()
  })
  afterEach(async () => {
    expect((await driver.stop(sid, 10_000)).outcome).toBe('ok')
    driver.detach()
    expect({ address: hasAddress(), mounted: isMounted() }).toEqual({
      ...{ address: false, mounted: false },
    })
    rmSync(home, { recursive: true, force: true })
  })

  test('serves once it has started, and leaves nothing once it has stopped', {
    timeout: 60_000,
  }, async () => {
    expect(await start()).toEqual({ outcome: 'ok', detail: '' })
    expect(await fetch()).toBe('from the group')
    expect(isMounted()).toBe(true)
    expect(await driver.stop(sid, 10_000)).toEqual({ outcome: 'ok', detail: '' })
    await expect(fetch()).rejects.toThrow()
    expect(await driver.survey()).toEqual([])
  })

  test('is found by the next agent', { timeout: 60_000 }, async () => {
    await start()
    driver.detach()
    driver = newDriver()
    expect(await driver.survey()).toEqual([{ sid, generation: 1, state: 'running' }])
  })

  test('has crashed when its address is taken away', { timeout: 60_000 }, async () => {
    await start()
    const takenMs = performance.now()
    execFileSync('ip', ['addr', 'del', `${ip}/32`, 'dev', 'lo'])
    await vi.waitFor(() => expect(exits).toHaveLength(1), { timeout: 5_000, interval: 5 })
    expect(exits[0]!.detail).toMatch(/^vip: its monitor: it is not running/)
    expect(exits[0]!.atMs - takenMs).toBeLessThan(3_000)
  })
})
