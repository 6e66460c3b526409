// libvirt as a fence device, on real hypervisors: only a machine that ended there, and can neither go on nor be elsewhere, is off.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { faultText } from '../../control-plane/fence/fence-device.ts'
import { openDevice } from '../../control-plane/fence/open-device.ts'
import { createGuest, type Guest } from '../agent/vm/guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from '../agent/vm/libvirt-host.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: libvirt as a fence device: ${whyNot}\n`)

const title = whyNot === null ? 'a virtual machine' : `a virtual machine (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 120_000 }, () => {
  let hosts: LibvirtHost[]
  let guest: Guest
  const device = (host = hosts[0]!, domain = guest.name) =>
    openDevice({ kind: 'libvirt', options: { uri: host.uri, domain }, secret: null })
  const signal = () => AbortSignal.timeout(20_000)
  const power = async (host?: LibvirtHost) => (await device(host).look(signal())).state
  const virsh = async (...words: string[]) => {
    const ran = await hosts[0]!.virsh(...words)
    expect(ran, words.join(' ')).toMatchObject({ code: 0 })
  }

  beforeAll(async () => {
    hosts = await startLibvirtHosts(2)
  })
  let file: string
  /** The words of a move from one host to the other. */
  const moveTo = ({ address }: LibvirtHost) => {
    const ways = [address, `tcp://${address.replace(/^.*\/\/|\/.*$/g, '')}`]
    return ['migrate', '--live', '--unsafe', '--p2p', guest.name, ...ways]
  }

  beforeEach(async () => {
    const folder = join(hosts[0]!.folder, 'guest')
    guest = createGuest(folder, 'counts', randomUUID(), 'node-v1')
    file = join(folder, 'domain.xml')
    writeFileSync(file, guest.xml)
    await virsh('define', file)
    await virsh('start', guest.name)
  })
  afterEach(async () => {
    for (const host of hosts) {
      await host.virsh('destroy', guest.uuid)
      await host.virsh('undefine', guest.uuid, '--managed-save')
    }
  })
  afterAll(async () => {
    for (const host of hosts ?? []) await host.end()
  })

  test('that runs is on, and is off with nothing left of it once it was switched off; twice does no harm', async () => {
    expect(await device().look(signal())).toEqual({
      ...{ state: 'on', identity: { uuid: guest.uuid, serial: null } },
    })
    await device().powerOff(signal())
    expect(await power()).toBe('off')
    expect(hosts[0]!.machines(guest.uuid)).toEqual([])
    await device().powerOff(signal())
    expect(await power()).toBe('off')
    await device().powerOn(signal())
    expect(await power()).toBe('on')
  })

  test('that is paused is not off, and can be switched off', async () => {
    await virsh('suspend', guest.name)
    expect(await power()).toBe('paused')
    await device().powerOff(signal())
    expect(await power()).toBe('off')
  })

  test('whose process died is off', async () => {
    for (const pid of hosts[0]!.machines(guest.uuid)) process.kill(pid, 'SIGKILL')
    await expect.poll(() => power(), { timeout: 20_000 }).toBe('off')
  })

  test('whose memory was saved is not off: it would go on with all it runs', async () => {
    await virsh('managedsave', guest.name)
    expect(await power()).toBe('unknown')
    await hosts[0]!.killDaemon()
    await hosts[0]!.startDaemon()
    expect(await power()).toBe('unknown')
  })

  test('of whose end the hypervisor knows nothing any more is not off', async () => {
    await device().powerOff(signal())
    await hosts[0]!.killDaemon()
    expect(await device().look(signal()).catch(faultText)).toContain('virsh domuuid: ')
    await hosts[0]!.startDaemon()
    expect(await power()).toBe('unknown')
  })

  test('that was migrated away is not off where it came from, and is left alone where it is', async () => {
    const [source, target] = hosts as [LibvirtHost, LibvirtHost]
    expect(await source.virsh(...moveTo(target))).toMatchObject({ code: 0 })
    expect(await power()).toBe('unknown')
    await device().powerOff(signal())
    expect(await power()).toBe('unknown')
    expect(target.machines(guest.uuid)).toHaveLength(1)
    expect((await target.virsh('domstate', guest.name)).stdout.trim()).toBe('running')
  })

  test('that is coming in from elsewhere is not found there: it is where it comes from, and stays there if the move is given up', async () => {
    const [source, target] = hosts as [LibvirtHost, LibvirtHost]
    await virsh('migrate-setspeed', guest.name, '1')
    const moving = source.virsh(...moveTo(target))
    const there = () => power(target).catch(() => 'absent')
    await expect.poll(there, { timeout: 20_000, interval: 50 }).toBe('changing')
    expect(await device(target).powerOff(signal()).catch(faultText)).toContain('being migrated')
    await virsh('domjobabort', guest.name)
    expect((await moving).code).not.toBe(0)
    expect(await power()).toBe('on')
  })

  test('that had left is not off where what had arrived of its way back was ended with the other daemon', async () => {
    const [home, away] = hosts as [LibvirtHost, LibvirtHost]
    expect(await away.virsh('define', file)).toMatchObject({ code: 0 })
    expect(await home.virsh(...moveTo(away))).toMatchObject({ code: 0 })
    await away.virsh('migrate-setspeed', guest.name, '1')
    const moving = away.virsh(...moveTo(home))
    await expect.poll(() => power(), { timeout: 20_000, interval: 50 }).toBe('changing')
    await away.killDaemon()
    await expect.poll(() => power(), { timeout: 20_000, interval: 50 }).toBe('unknown')
    const { stdout } = await home.virsh('domstate', '--reason', guest.name)
    expect(stdout.trim()).toBe('shut off (destroyed)')
    expect(away.machines(guest.uuid)).toHaveLength(1)
    await moving
    await away.startDaemon()
  })

  test('that had left once, and was started here anew, is off when it has ended here', async () => {
    const [home, away] = hosts as [LibvirtHost, LibvirtHost]
    expect(await home.virsh(...moveTo(away))).toMatchObject({ code: 0 })
    expect(await away.virsh('destroy', guest.name)).toMatchObject({ code: 0 })
    await virsh('start', guest.name)
    expect(await power()).toBe('on')
    await virsh('destroy', guest.name)
    expect(await power()).toBe('off')
  })

  test('that is not there, or cannot be asked, is told as a fault', async () => {
    const gone = await device(hosts[0]!, 'no-such').look(signal()).catch(faultText)
    expect(gone).toContain("failed to get domain 'no-such'")
    const uri = 'qemu+unix:///system?socket=/nowhere/libvirt-sock'
    const nowhere = openDevice({ kind: 'libvirt', options: { uri, domain: 'x' }, secret: null })
    expect(await nowhere.look(signal()).catch(faultText)).toContain('Failed to connect')
  })
})
