// S8 on a whole site: a node was away when a machine was added, and somebody starts a copy of it there before the agent is
// back. The copy is ended, what runs elsewhere is not touched, and from then on nobody but the agent starts it on that node,
// the next time that this node boots too.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createGuest, readCount } from '../agent/vm/guest.ts'
import { whyNoLibvirt } from '../agent/vm/libvirt-host.ts'
import { counting } from '../agent/vm/pair.ts'
import { libvirtSite } from './libvirt-site.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: a node that was away: ${whyNot}\n`)

const title = whyNot === null ? 'a node that was away' : `a node that was away (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 180_000 }, () => {
  const sid = 'vm:100'
  const { site, home, hosts } = libvirtSite()
  const uuid = randomUUID()
  const guest = createGuest(join(home, 'guest'), 'counts', uuid)
  const copy = createGuest(join(home, 'copy'), 'counts', uuid)
  const isState = (name: string, state: string) =>
    site.operator.until(
      `${name} to be ${state}`,
      ({ nodes }) => nodes.some((one) => one.name === name && one.state === state),
      60_000,
    )

  test('ends a copy that somebody started there, and lets nobody start another', async () => {
    const [, second] = await hosts()
    await site.node('n2').flip('power-off')
    await isState('n2', 'unknown')
    await site.operator.post('/services', { sid, spec: { xml: guest.xml } })
    await site.operator.until(
      'it to run on n1',
      ({ services }) => services.find((one) => one.sid === sid && one.running && one.node === 'n1'),
      60_000,
    )
    await counting(guest)

    const file = join(home, 'copy.xml')
    writeFileSync(file, copy.xml)
    expect(await second.virsh('create', file)).toMatchObject({ code: 0 })
    expect(second.machines(uuid)).toHaveLength(1)

    await site.node('n2').flip('power-on')
    await expect.poll(() => second.machines(uuid).length, { timeout: 60_000 }).toBe(0)
    await isState('n2', 'online')
    // libvirt itself may need a moment to see that it has ended.
    const refused = async () => (await second.virsh('create', file)).stderr
    await expect.poll(refused, { timeout: 20_000 }).toContain('only its agent starts it')
    await site.node('n2').flip('power-off')
    expect(await refused()).toContain('only its agent starts it')
    await counting(guest)
    expect(readCount(guest).breaks).toBe(0)
    expect(await site.operator.service(sid)).toMatchObject({ node: 'n1', running: true })
  })

  test('and is back adopts what somebody runs there when that is added: it runs on without a break', async () => {
    const [, second] = await hosts()
    // Off for so short a time that it was not missed: only a new epoch says that its agent is there.
    const { epoch } = await site.operator.node('n2')
    await site.node('n2').flip('power-on')
    await site.operator.until(
      'n2 to be online anew',
      ({ nodes }) =>
        nodes.some((one) => one.name === 'n2' && one.state === 'online' && one.epoch > epoch),
      60_000,
    )
    const mine = createGuest(join(home, 'mine'), 'counts', randomUUID(), 'vm200')
    const file = join(home, 'mine.xml')
    writeFileSync(file, mine.xml)
    expect(await second.virsh('create', file)).toMatchObject({ code: 0 })
    await counting(mine)
    await site.operator.post('/services', { sid: 'vm:200', spec: { xml: mine.xml } })
    await site.operator.until(
      'it to be adopted on n2',
      ({ services }) =>
        services.find((one) => one.sid === 'vm:200' && one.running && one.node === 'n2'),
      60_000,
    )
    await counting(mine)
    expect(readCount(mine).breaks).toBe(0)
    expect(second.machines(mine.uuid)).toHaveLength(1)
  })
})
