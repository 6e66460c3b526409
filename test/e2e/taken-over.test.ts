// Machines that somebody has made and started by hand become services of a whole site, by `ha-manager add --adopt`: two nodes with
// a libvirt daemon and a process table each. What runs runs on, in the same process; it is never there twice; and when it
// has gone elsewhere nothing of it is left where it was, not even a definition.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createToken } from '../../control-plane/store/bootstrap.ts'
import { createGuest, type Guest, readCount } from '../agent/vm/guest.ts'
import { type LibvirtHost, whyNoLibvirt } from '../agent/vm/libvirt-host.ts'
import { counting } from '../agent/vm/pair.ts'
import { type Ran, runHaManager } from '../cli/run.ts'
import { libvirtSite } from './libvirt-site.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: machines that are taken over: ${whyNot}\n`)

const title = whyNot === null ? 'a machine made by hand' : `a machine (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 180_000 }, () => {
  // Eleven seconds without a plane are borne, which a busy machine may need to start it again.
  const { site, home, hosts } = libvirtSite(20_000)
  let [first, second]: LibvirtHost[] = []
  let environment: Record<string, string>
  let [guest, sid, number]: [Guest, string, number] = [null as never, '', 100]
  let watching: NodeJS.Timeout
  /** The most processes of it that were seen at the same time. */
  let most = 0

  const pids = () => [first!, second!].map((host) => host.machines(guest.uuid))
  const haManager = (...words: string[]): Promise<Ran> => runHaManager(words, environment)
  const byHand = async (host: LibvirtHost, ...words: string[]) =>
    expect(await host.virsh(...words)).toMatchObject({ code: 0 })
  const isDefined = async (host: LibvirtHost) =>
    (await host.virsh('list', '--all', '--persistent', '--name')).stdout.includes(guest.name)
  const isThere = async (host: LibvirtHost) =>
    (await host.virsh('list', '--all', '--name')).stdout.includes(guest.name)
  const running = (node: string, timeoutMs = 60_000) =>
    site.operator.until(
      `${sid} to run on ${node}`,
      ({ services }) => services.find((one) => one.sid === sid && one.running && one.node === node),
      timeoutMs,
    )
  const isState = (name: string, state: string) =>
    site.operator.until(
      `${name} to be ${state}`,
      ({ nodes }) => nodes.some((one) => one.name === name && one.state === state),
      60_000,
    )
  const define = async (host: LibvirtHost) => {
    const file = join(home, `${guest.name}.xml`)
    writeFileSync(file, guest.xml)
    await byHand(host, 'define', file)
  }
  /** Defined and started by hand; its process. */
  const begin = async (host: LibvirtHost): Promise<number> => {
    await define(host)
    await byHand(host, 'start', guest.name)
    await counting(guest)
    return host.machines(guest.uuid)[0]!
  }
  /** Nothing has touched it. */
  const isAsBefore = async (pid: number) => {
    await counting(guest)
    expect(readCount(guest).breaks).toBe(0)
    expect(pids()).toEqual([[pid], []])
  }

  beforeAll(async () => {
    ;[first, second] = await hosts()
    const token = { name: 'cli', role: 'operator' as const, clusterId: null }
    const { secret } = await createToken(site.sql, token)
    environment = { HOLDFAST_URL: site.replicas[0]!.url, HOLDFAST_TOKEN: secret }
    // What it says of the site besides its machine, which no node could know.
    writeFileSync(join(home, 'unsafe.json'), JSON.stringify({ migrateUnsafe: true }))
  })
  beforeEach(() => {
    const name = `hand${++number}`
    sid = `vm:${name}`
    guest = createGuest(join(home, name), 'counts', randomUUID(), name)
    most = 0
    watching = setInterval(() => {
      most = Math.max(most, pids().flat().length)
    }, 50)
  })
  afterEach(async () => {
    clearInterval(watching)
    expect(most).toBeLessThanOrEqual(1)
    await site.operator.operate(sid, 'stop').catch(() => {})
  })

  test('is taken over as it runs, and goes elsewhere like any other, also from a node that is cut off', async () => {
    const pid = await begin(first!)
    await byHand(first!, 'autostart', guest.name)
    const dry = await haManager('--dry-run', 'add', sid, '--adopt', 'n1')
    expect(dry).toMatchObject({ code: 0, err: '' })
    expect(dry.out).toContain(`domain ${guest.name} of n1 (${guest.uuid}) is running there`)
    expect(dry.out).toContain(`${sid}: added as request_start on n1`)
    expect((await site.operator.status()).services).toEqual([])
    expect(await isDefined(first!)).toBe(true)

    const words = ['add', sid, '--adopt', 'n1', '--spec', join(home, 'unsafe.json')]
    const added = await haManager(...words)
    expect(added).toMatchObject({ code: 0, err: '' })
    expect(added.out).toContain(
      `${sid} added\ndomain ${guest.name} of n1 (${guest.uuid}) is running`,
    )
    expect(added.out).toContain('autostart')
    expect(added.out).toContain('warning: every node that may run it must reach the same')
    await running('n1')
    await isAsBefore(pid)
    await expect.poll(() => isDefined(first!), { timeout: 20_000 }).toBe(false)
    expect((await first!.virsh('list', '--all', '--autostart', '--name')).stdout.trim()).toBe('')
    await isAsBefore(pid)
    expect(await site.sql`select from node_question`).toEqual([])

    expect(await site.operator.operate(sid, 'migrate', { node: 'n2' })).toMatchObject({
      status: 'done',
    })
    await running('n2')
    await counting(guest)
    expect(readCount(guest).breaks).toBe(0)
    expect(pids()).toMatchObject([[], [expect.any(Number)]])
    expect(await isThere(first!)).toBe(false)
    // Two halves of a live move are two processes of one machine.
    most = 1

    await site.node('n2').flip('cut')
    await running('n1')
    await counting(guest)
    expect(pids()).toMatchObject([[expect.any(Number)], []])
    await site.node('n2').flip('heal')
    await isState('n2', 'online')
    expect(await isThere(second!)).toBe(false)
  })

  test('and then lost with its node starts on the other, and where it was only its definition had been', async () => {
    await begin(first!)
    expect(await haManager('add', sid, '--adopt', 'n1')).toMatchObject({ code: 0 })
    await running('n1')
    await site.node('n1').flip('power-off')
    for (const pid of first!.machines(guest.uuid)) process.kill(pid, 'SIGKILL')
    await running('n2')
    await site.node('n1').flip('power-on')
    await isState('n1', 'online')
    await expect.poll(() => isThere(first!), { timeout: 30_000 }).toBe(false)
    expect(pids()).toMatchObject([[], [expect.any(Number)]])
  })

  test('that is shut off is started where it may run, and its definition goes from where it was', async () => {
    await define(first!)
    await site.operator.post('/groups', { name: 'other', nodes: { n2: 1 }, restricted: true })
    const added = await haManager('add', sid, '--adopt', 'n1', '--group', 'other')
    expect(added.out).toContain(`of n1 (${guest.uuid}) is shut off there, and is started`)
    await running('n2')
    await expect.poll(() => isThere(first!), { timeout: 30_000 }).toBe(false)
    expect(pids()).toMatchObject([[], [expect.any(Number)]])
  })

  test('is started nowhere else while its node is cut off before it has answered, and is adopted when that is back', async () => {
    const pid = await begin(first!)
    const asked = { sid, domain: guest.name }
    const { xml } = (await site.operator.post('/nodes/n1/describe', asked)) as { xml: string }
    await site.node('n1').flip('cut')
    const place = { node: 'n1', adoptedFrom: 'n1' }
    await site.operator.post('/services', { sid, spec: { xml }, ...place })
    await isState('n1', 'unknown')
    const { leaseMs } = site.timing
    const end = performance.now() + leaseMs + 5_000
    await expect.poll(() => performance.now() > end, { timeout: leaseMs + 10_000 }).toBe(true)
    expect(await site.operator.service(sid)).toMatchObject({
      running: false,
      note: expect.stringContaining('waits for n1 to say that nothing of it runs there'),
    })
    await isAsBefore(pid)
    await site.node('n1').flip('heal')
    await running('n1')
    await isAsBefore(pid)
  })

  test('runs on while its node’s agent is killed over and over between its adding and its grant', async () => {
    const pid = await begin(first!)
    expect(await haManager('add', sid, '--adopt', 'n1')).toMatchObject({ code: 0 })
    const isKilled = () =>
      site
        .node('n1')
        .flip('kill-agent')
        .then(
          () => true,
          () => false,
        )
    for (let kills = 0; kills < 3; kills++) await expect.poll(isKilled, { interval: 10 }).toBe(true)
    await running('n1')
    await isAsBefore(pid)
    await expect.poll(() => isDefined(first!), { timeout: 30_000 }).toBe(false)
    await isAsBefore(pid)
  })

  test('runs on while the plane is killed right after it was added', async () => {
    const pid = await begin(first!)
    expect(await haManager('add', sid, '--adopt', 'n1')).toMatchObject({ code: 0 })
    await site.replicas[0]!.end('SIGKILL', 5_000)
    await isAsBefore(pid)
    await site.startReplica(0)
    await running('n1')
    await isAsBefore(pid)
  })

  test('is refused with what would be right where it cannot be taken over, and nothing is changed', async () => {
    const pid = await begin(first!)
    const { services } = await site.operator.status()
    const refusals: [words: string[], why: string][] = [
      [[sid, '--adopt', 'n1', '--domain', 'none'], `there is no domain none; there are: `],
      [[sid, '--adopt', 'n2'], `node n2: there is no domain ${guest.name}`],
      [[sid, '--adopt', 'n9'], 'no node n9'],
      [[sid, '--adopt', 'n1', '--state', 'stopped'], 'taken over as stopped it would be stopped'],
      [[sid, '--adopt', 'n1', '--xml', 'x'], 'two ways to say the same'],
      [[sid, '--domain', guest.name], '--domain goes with --adopt'],
      [['systemd:db', '--adopt', 'n1'], 'a unit needs no description'],
      [['ct:web', '--adopt', 'n1'], 'add it with --container NAME'],
    ]
    for (const [words, why] of refusals) {
      const { code, err } = await haManager('add', ...words)
      expect(err).toContain(why)
      expect(code).toBeGreaterThan(0)
    }
    expect((await site.operator.status()).services).toEqual(services)
    expect(await haManager('add', sid, '--adopt', 'n1')).toMatchObject({ code: 0 })
    await running('n1')
    expect((await haManager('add', sid, '--adopt', 'n1')).err).toContain('exists already')
    const other = await haManager('add', 'vm:other', '--adopt', 'n1', '--domain', guest.name)
    expect(other.err).toContain(`is a service of this cluster already, as ${sid}`)
    await isAsBefore(pid)
  })
})
