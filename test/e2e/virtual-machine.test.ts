// A virtual machine as a service of a whole site: two nodes with a libvirt daemon and a process table each. It moves while it
// runs and counts on without a break, comes back after a crash, and is gone when it is to be stopped.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createGuest, readCount } from '../agent/vm/guest.ts'
import { whyNoLibvirt } from '../agent/vm/libvirt-host.ts'
import { counting } from '../agent/vm/pair.ts'
import { libvirtSite } from './libvirt-site.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: a virtual machine of a site: ${whyNot}\n`)

const title = whyNot === null ? 'a virtual machine' : `a virtual machine (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 120_000 }, () => {
  const sid = 'vm:100'
  const { site, home, hosts } = libvirtSite()
  const guest = createGuest(join(home, 'guest'), 'counts', randomUUID())
  const machines = async () => (await hosts()).map((host) => host.machines(guest.uuid).length)
  const running = (isAt: (node: string | null) => boolean = () => true) =>
    site.operator.until(
      'it to run',
      ({ services }) => services.find((one) => one.sid === sid && one.running && isAt(one.node)),
      60_000,
    )

  test('is started, moved while it runs, restarted after a crash, and stopped', async () => {
    await site.operator.post('/services', { sid, spec: { xml: guest.xml, migrateUnsafe: true } })
    const { node } = await running()
    await counting(guest)

    const target = node === 'n1' ? 'n2' : 'n1'
    const moved = await site.operator.operate(sid, 'migrate', { node: target })
    expect(moved).toMatchObject({ status: 'done' })
    await running((at) => at === target)
    await counting(guest)
    expect(await machines()).toEqual(target === 'n1' ? [1, 0] : [0, 1])
    expect(readCount(guest).breaks).toBe(0)

    const { count } = readCount(guest)
    for (const host of await hosts())
      for (const pid of host.machines(guest.uuid)) process.kill(pid, 'SIGKILL')
    await expect.poll(() => readCount(guest).count, { timeout: 60_000 }).toBeGreaterThan(count + 2)
    await running((at) => at === target)
    // It began anew, once.
    expect(readCount(guest).breaks).toBe(1)
    expect(await machines()).toEqual(target === 'n1' ? [1, 0] : [0, 1])

    expect(await site.operator.operate(sid, 'stop')).toMatchObject({ status: 'done' })
    expect(await machines()).toEqual([0, 0])
  })
})
