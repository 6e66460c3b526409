// Only the agent starts a virtual machine, and stopped means stopped (S8, S16): against a real libvirt daemon that is
// restarted, killed and stopped in its tracks, and with everything an administrator may do by hand.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { withMark } from '../../../agent/drivers/vm/mark.ts'
import { counting, sid } from './pair.ts'
import { createGuest, type Guest, readCount } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { driverOn, type VmNodeOptions } from './vm-node.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: the gate of virtual machines: ${whyNot}\n`)

const title = whyNot === null ? 'a virtual machine' : `a virtual machine (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 120_000 }, () => {
  let host: LibvirtHost
  let home: string
  let guest: Guest
  let driver: Driver
  let told: string[]
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const createDriver = (options: Partial<VmNodeOptions> = {}) =>
    driverOn(host, {
      ...{ home, owner },
      events: {
        exited: (_, generation) => void told.push(`exited ${generation}`),
        arrived: () => expect.fail('nothing is moved here'),
      },
      ...options,
    })
  const start = (generation = 1, on = driver) =>
    on.start({ sid, generation, spec: { xml: guest.xml }, mayStart: () => true })
  const file = (xml: string) => {
    const path = join(home, 'by-hand.xml')
    writeFileSync(path, xml)
    return path
  }
  const isAlive = () => host.machines(guest.uuid).length > 0
  const running = async () => expect(await start()).toMatchObject({ outcome: 'ok' })
  const stopped = async () => {
    expect(await driver.stop(sid, 0)).toMatchObject({ outcome: 'ok' })
    expect(isAlive()).toBe(false)
    expect(await driver.survey()).toEqual([])
  }

  beforeAll(async () => {
    ;[host] = (await startLibvirtHosts(1)) as [LibvirtHost]
  })
  afterAll(() => host.end())
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
    guest = createGuest(join(home, 'guest'), 'counts', randomUUID())
    told = []
    driver = createDriver()
  })
  afterEach(async () => {
    await driver.stop(sid, 0)
    driver.detach()
    await host.virsh('undefine', guest.uuid)
    rmSync(home, { recursive: true, force: true })
  })

  test('is not started while libvirt does not run the start gate; a reload is enough', async () => {
    // A daemon that began before there was any hook.
    rmSync(host.hooks, { recursive: true, force: true })
    await host.killDaemon()
    await host.startDaemon()
    const helpless = createDriver({ pidFiles: [] })
    const refused = await start(1, helpless)
    helpless.detach()
    expect(refused).toMatchObject({ outcome: 'error' })
    expect(refused.detail).toContain('does not run the start gate')
    expect(isAlive()).toBe(false)
    await running()
  })

  test('that is set to autostart does not start when the daemon does, nor by hand, marked or not', async () => {
    await running()
    await stopped()
    const { virsh } = host
    const marked = withMark(guest.xml, { ...owner, sid, generation: 1, bootId: 'boot-1' })
    const foreign = withMark(guest.xml, {
      ...owner,
      nodeUid: 'n9',
      sid,
      generation: 1,
      bootId: 'b',
    })
    for (const xml of [guest.xml, marked, foreign]) {
      expect((await virsh('define', file(xml))).code).toBe(0)
      expect((await virsh('autostart', guest.uuid)).code).toBe(0)
      expect((await virsh('start', guest.uuid)).stderr).toContain('Holdfast')
      await host.killDaemon()
      rmSync(join(host.folder, 'run', 'qemu'), { recursive: true, force: true })
      await host.startDaemon()
      expect((await virsh('domstate', guest.uuid)).stdout).toContain('shut off')
      expect(isAlive()).toBe(false)
      await virsh('undefine', guest.uuid)
    }
    const renamed = guest.xml.replace(guest.name, 'another-name')
    expect((await virsh('create', file(renamed))).stderr).toContain('Holdfast')
    expect(isAlive()).toBe(false)
  })

  test('that was defined here is undefined when it is started, and cannot be mistaken for another', async () => {
    const { virsh } = host
    await virsh('define', file(guest.xml.replace(guest.uuid, randomUUID())))
    const refused = await start()
    expect(refused).toMatchObject({ outcome: 'error' })
    expect(refused.detail).toContain('another domain named vm100')
    await virsh('undefine', guest.name)
    await virsh('define', file(guest.xml))
    await running()
    await stopped()
    expect((await virsh('list', '--all', '--name')).stdout).not.toContain(guest.name)
  })

  test('that was made too late for its lease never takes a step (S14)', async () => {
    let [asked, state] = [0, '']
    const mayStart = () => {
      if (asked++ === 0) return true
      const words = ['--connect', host.uri, 'domstate', guest.uuid]
      state = execFileSync('virsh', words, { encoding: 'utf8' }).trim()
      return false
    }
    const result = await driver.start({ sid, generation: 1, spec: { xml: guest.xml }, mayStart })
    expect(result).toMatchObject({ outcome: 'error', detail: 'later than the lease allows' })
    expect({ asked, state }).toEqual({ asked: 2, state: 'paused' })
    expect(isAlive()).toBe(false)
    expect(readCount(guest).count).toBe(0)
    expect(await driver.survey()).toEqual([])
  })

  test('ends when it is asked to, well before its time is over', async () => {
    await running()
    await counting(guest)
    expect(await driver.stop(sid, 3_600_000)).toMatchObject({ outcome: 'ok' })
    expect(isAlive()).toBe(false)
    expect(told).toEqual([])
  })

  test('runs on when the daemon dies; its end is told all the same', async () => {
    await running()
    await host.killDaemon()
    await counting(guest)
    // A doubt would be cleaned up: a restart of the daemon is no reason to cut its machines' power.
    expect(await driver.survey()).toEqual([{ sid, generation: 1, state: 'running' }])
    const next = createDriver()
    expect(await next.survey()).toEqual([{ sid, generation: 1, state: 'unseen' }])
    next.detach()
    expect(told).toEqual([])
    for (const pid of host.machines(guest.uuid)) process.kill(pid, 'SIGKILL')
    await expect.poll(() => told, { timeout: 1_000, interval: 10 }).toEqual(['exited 1'])
    await host.startDaemon()
    await stopped()
  })

  test('is killed at its time also where no daemon lives, and nothing of it comes back with one', async () => {
    await running()
    await host.killDaemon()
    expect(await driver.stop(sid, 0)).toMatchObject({ outcome: 'ok' })
    expect(isAlive()).toBe(false)
    await host.startDaemon()
    await stopped()
  })

  test('whose start hangs in the daemon is not called stopped before that has ended (S16)', async () => {
    const [entered, released] = [join(home, 'entered'), join(home, 'released')]
    const slow = join(host.hooks, 'qemu.d', 'a-slow')
    await running()
    await stopped()
    writeFileSync(
      slow,
      `#!/bin/sh\n: >${entered}; until [ -e ${released} ]; do sleep 0.05; done\n`,
      { mode: 0o755 },
    )
    try {
      const starting = start(2)
      await expect.poll(() => existsSync(entered), { timeout: 20_000 }).toBe(true)
      let isOver = false
      const stopping = driver.stop(sid, 0).finally(() => {
        isOver = true
      })
      await pause(2_000)
      expect(isOver).toBe(false)
      writeFileSync(released, '')
      expect((await starting).outcome).toBe('error')
      expect(await stopping).toMatchObject({ outcome: 'ok' })
    } finally {
      writeFileSync(released, '')
      rmSync(slow)
    }
    await stopped()
    expect(told).toEqual([])
  })

  test('is killed although the daemon hangs, and not called stopped before it can say so', async () => {
    await running()
    host.pauseDaemon()
    try {
      expect(await driver.stop(sid, 0)).toMatchObject({ outcome: 'timeout' })
      expect(isAlive()).toBe(false)
    } finally {
      host.resumeDaemon()
    }
    await stopped()
  })

  test('that somebody else runs is found once it is asked for, may be adopted, and is stopped like any other (S18)', async () => {
    const asked = [{ sid, spec: { name: guest.name, uuid: guest.uuid } }]
    expect((await host.virsh('create', file(guest.xml))).code).toBe(0)
    expect(await driver.survey()).toEqual([])
    expect(await driver.survey(asked)).toEqual([{ sid, generation: 0, state: 'running' }])
    const next = createDriver()
    expect(await next.survey()).toEqual([{ sid, generation: 0, state: 'running' }])
    next.detach()
    await counting(guest)
    await stopped()
  })

  test('that ran here before the cluster’s services were known is found, and started by nobody else afterwards (S8)', async () => {
    const known = [{ sid, spec: { name: guest.name, uuid: guest.uuid } }]
    expect((await host.virsh('create', file(guest.xml))).code).toBe(0)
    expect(await driver.survey([], known)).toEqual([{ sid, generation: 0, state: 'running' }])
    await stopped()
    const { stderr } = await host.virsh('create', file(guest.xml))
    expect(stderr).toContain('only its agent starts it')
    expect(await driver.survey([], known)).toEqual([])
  })

  test('of the cluster cannot be known where the daemon does not run the gate: that is a doubt (S8)', async () => {
    const known = [{ sid, spec: { name: guest.name, uuid: guest.uuid } }]
    rmSync(host.hooks, { recursive: true, force: true })
    await host.killDaemon()
    await host.startDaemon()
    const helpless = createDriver({ pidFiles: [] })
    await expect(helpless.survey([], known)).rejects.toThrow('does not run the start gate')
    helpless.detach()
    expect(await driver.survey([], known)).toEqual([])
  })

  test('that does not run where it is asked for is started there by nobody else from then on (S8)', async () => {
    const asked = [{ sid, spec: { name: guest.name, uuid: guest.uuid } }]
    expect(await driver.survey(asked)).toEqual([])
    expect((await host.virsh('create', file(guest.xml))).stderr).toContain('Holdfast')
    expect(isAlive()).toBe(false)
  })

  test('that begins without the gate, while nobody looks, is found and ended', async () => {
    await running()
    await stopped()
    // Somebody takes the gate away, and the daemon forgets it.
    driver.detach()
    rmSync(host.hooks, { recursive: true, force: true })
    await host.killDaemon()
    await host.startDaemon()
    expect((await host.virsh('create', file(guest.xml))).code).toBe(0)
    driver = createDriver()
    expect(await driver.survey()).toMatchObject([{ sid, state: 'unknown' }])
    await stopped()
  })
})
