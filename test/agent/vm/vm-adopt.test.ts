// A virtual machine that somebody has made on a host, as it becomes a service: it is described without being touched, and once
// it is this node's its definition goes while it runs on. Against a real libvirt daemon.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { markNamespace, withMark } from '../../../agent/drivers/vm/mark.ts'
import { readDomainXml } from '../../../shared/specs/domain-xml.ts'
import { createGuest, type Guest, readCount } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { counting, sid } from './pair.ts'
import { driverOn } from './vm-node.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: taking over virtual machines: ${whyNot}\n`)

const title = whyNot === null ? 'a virtual machine' : `a virtual machine (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 120_000 }, () => {
  let host: LibvirtHost
  let home: string
  let guest: Guest
  let driver: Driver
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const events = { exited: () => {}, arrived: () => expect.fail('nothing is moved here') }
  const describeIt = () => driver.describe!(sid, guest.name)
  const known = () => [{ sid, spec: { name: guest.name, uuid: guest.uuid } }]
  const file = (xml: string) => {
    const path = join(home, 'by-hand.xml')
    writeFileSync(path, xml)
    return path
  }
  const byHand = async (...words: string[]) =>
    expect(await host.virsh(...words)).toMatchObject({ code: 0 })
  const listed = async (...which: string[]) =>
    (await host.virsh('list', '--all', '--name', ...which)).stdout.includes(guest.name)

  beforeAll(async () => {
    ;[host] = (await startLibvirtHosts(1)) as [LibvirtHost]
  })
  afterAll(() => host.end())
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
    guest = createGuest(join(home, 'guest'), 'counts', randomUUID())
    driver = driverOn(host, { home, owner, events })
  })
  afterEach(async () => {
    driver.detach()
    await host.virsh('destroy', guest.uuid)
    await host.virsh('undefine', guest.uuid, '--managed-save', '--snapshots-metadata')
    rmSync(home, { recursive: true, force: true })
  })

  test('that runs is described as it is defined, and not touched by that', async () => {
    await byHand('define', file(guest.xml))
    await byHand('autostart', guest.name)
    await byHand('start', guest.name)
    const [pid] = host.machines(guest.uuid)
    const { name, uuid } = guest
    const answer = await describeIt()
    expect(answer).toMatchObject({
      ...{ kind: 'described', name, uuid, state: 'running', isAutostarted: true },
    })
    expect(readDomainXml((answer as { xml: string }).xml)).toMatchObject({ domain: { name, uuid } })
    await driver.survey()
    expect((await host.virsh('dumpxml', uuid)).stdout).not.toContain(markNamespace)
    expect(await listed('--persistent', '--autostart')).toBe(true)
    await byHand('suspend', name)
    expect(await describeIt()).toMatchObject({ state: 'paused' })
    await byHand('resume', name)
    await counting(guest)
    expect(host.machines(uuid)).toEqual([pid])
  })

  test('that runs loses its definition once its grant is this node’s, and runs on; a copy is kept', async () => {
    await byHand('define', file(guest.xml))
    await byHand('autostart', guest.name)
    await byHand('start', guest.name)
    const [pid] = host.machines(guest.uuid)
    await counting(guest)
    await describeIt()
    const found = [{ sid, generation: 0, state: 'running' }]
    expect(await driver.survey(known(), known())).toEqual(found)
    expect(await listed('--persistent', '--autostart')).toBe(true)
    expect(await driver.survey([], known(), [sid])).toEqual(found)
    expect(await listed('--persistent')).toBe(false)
    expect(await listed('--autostart')).toBe(false)
    expect(await listed('--transient')).toBe(true)
    expect(readFileSync(join(home, 'vm-taken', `${guest.name}.xml`), 'utf8')).toContain(guest.uuid)
    // What a daemon knows of it, it knows also as another process.
    await host.killDaemon()
    await host.startDaemon()
    const next = driverOn(host, { home, owner, events })
    expect(await next.survey([], known(), [sid])).toEqual(found)
    next.detach()
    await counting(guest)
    expect(readCount(guest).breaks).toBe(0)
    expect(host.machines(guest.uuid)).toEqual([pid])
    expect(await driver.stop(sid, 0)).toMatchObject({ outcome: 'ok' })
    expect(await listed()).toBe(false)
  })

  test('that was a service of this very name is described again as it runs, without its mark', async () => {
    const spec = { xml: guest.xml }
    expect(await driver.start({ sid, generation: 3, spec, mayStart: () => true })).toMatchObject({
      outcome: 'ok',
    })
    const answer = await describeIt()
    expect(answer).toMatchObject({ kind: 'described', state: 'running' })
    expect((answer as { xml: string }).xml).not.toContain(markNamespace)
    expect(await driver.describe!('vm:7', guest.name)).toMatchObject({
      ...{
        kind: 'refused',
        why: `domain ${guest.name} is a service of this cluster already, as ${sid}`,
      },
    })
    await driver.stop(sid, 0)
  })

  test('that is shut off loses its definition once the cluster has it; one that was never told stays', async () => {
    await byHand('define', file(guest.xml))
    expect(await driver.survey([], known(), [sid])).toEqual([])
    expect(await listed('--persistent')).toBe(true)
    expect(await describeIt()).toMatchObject({ kind: 'described', state: 'shut off' })
    expect(await driver.survey([], [], [])).toEqual([])
    expect(await listed('--persistent')).toBe(true)
    expect(await driver.survey([], known())).toEqual([])
    expect(await listed()).toBe(false)
    expect(existsSync(join(home, 'vm-taken', `${guest.name}.xml`))).toBe(true)
    await byHand('define', file(guest.xml))
    await driver.survey([], known(), [sid])
    expect(await listed('--persistent')).toBe(true)
  })

  const refusals: [what: string, make: () => Promise<unknown>, why: () => string][] = [
    ['is not there', async () => {}, () => `there is no domain ${guest.name}, nor any other`],
    [
      'is transient',
      () => byHand('create', file(guest.xml)),
      () => `virsh dumpxml ${guest.name} >${guest.name}.xml; virsh define ${guest.name}.xml`,
    ],
    [
      'has a saved state',
      async () => {
        await byHand('define', file(guest.xml))
        await byHand('start', guest.name)
        await byHand('managedsave', guest.name)
      },
      () => `virsh managedsave-remove ${guest.name}`,
    ],
    [
      'has snapshots',
      async () => {
        await byHand('define', file(guest.xml))
        const own = `<name>one</name><creationTime>1</creationTime><state>shutoff</state>${guest.xml}`
        const snapshot = `<domainsnapshot>${own}</domainsnapshot>`
        await byHand('snapshot-create', guest.name, file(snapshot), '--redefine')
      },
      () => `virsh snapshot-delete ${guest.name} --metadata`,
    ],
    [
      'is a service of another cluster',
      async () => {
        const mark = { clusterUuid: randomUUID(), nodeUid: 'n9', generation: 1, bootId: 'b' }
        await byHand('define', file(withMark(guest.xml, { ...mark, sid: 'vm:1' })))
      },
      () => 'is a service of another cluster, as vm:1',
    ],
    [
      'bears the mark of another node',
      async () => {
        const mark = { ...owner, nodeUid: 'n9', sid, generation: 1, bootId: 'b' }
        await byHand('define', file(withMark(guest.xml, mark)))
      },
      () => 'bears the mark of another node',
    ],
  ]
  test.each(refusals)('that %s is not described, and why is said', async (_, make, why) => {
    await make()
    const answer = await describeIt()
    expect(answer).toMatchObject({ kind: 'refused' })
    expect((answer as { why: string }).why).toContain(why())
  })

  test('that somebody has copied with the mark of another node is found where it is asked for, as any other (S18)', async () => {
    rmSync(host.hooks, { recursive: true, force: true })
    await host.killDaemon()
    await host.startDaemon()
    const mark = { ...owner, nodeUid: randomUUID(), sid, generation: 7, bootId: 'b' }
    await byHand('create', file(withMark(guest.xml, mark)))
    expect(await driver.survey()).toEqual([])
    expect(await driver.survey(known())).toEqual([{ sid, generation: 0, state: 'running' }])
    expect(await driver.stop(sid, 0)).toMatchObject({ outcome: 'ok' })
    expect(host.machines(guest.uuid)).toEqual([])
  })

  test('of another name is named to whoever asks for one that is not there', async () => {
    await byHand('define', file(guest.xml))
    expect(await driver.describe!(sid, '100')).toEqual({
      kind: 'refused',
      why: `there is no domain 100; there are: ${guest.name} (name one with --domain)`,
    })
  })

  test('of which libvirt cannot be asked is not described', async () => {
    await host.killDaemon()
    await expect(describeIt()).rejects.toThrow('virsh')
    await host.startDaemon()
  })
})
