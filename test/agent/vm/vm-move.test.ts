// Live moves between two real libvirt daemons, and every point at which one of those that take part can be lost (S4).
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readdirSync, readFileSync } from 'node:fs'
import type { GuestKind } from './guest.ts'
import { readCount } from './guest.ts'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { counting, createPair, type Pair, sid } from './pair.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: live moves of virtual machines: ${whyNot}\n`)

const title = whyNot === null ? 'a live move' : `a live move (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 120_000 }, () => {
  let hosts: LibvirtHost[]
  let pair: Pair
  const begin = (kind: GuestKind) => {
    pair = createPair(hosts, kind)
    return pair
  }
  const machines = () => hosts.map((host) => host.machines(pair.guest.uuid).length)
  const kill = (host: LibvirtHost) => {
    for (const pid of host.machines(pair.guest.uuid)) process.kill(pid, 'SIGKILL')
  }
  const told = (node: Pair['source'], what: string) =>
    expect.poll(() => node.told, { timeout: 20_000 }).toContain(what)
  /** One copy of it lives, at the source, and goes on where it was. */
  const isAtSource = async () => {
    const found = [{ sid, generation: 5, state: 'running' }]
    expect(await pair.source.driver.survey()).toEqual(found)
    await counting(pair.guest)
    expect(machines()).toEqual([1, 0])
    expect(readCount(pair.guest).breaks).toBe(0)
  }
  const isAtTarget = async () => {
    expect(await pair.target.driver.survey()).toEqual([{ sid, generation: 6, state: 'running' }])
    expect(await pair.source.driver.survey()).toEqual([])
    await counting(pair.guest)
    expect(machines()).toEqual([0, 1])
    expect(readCount(pair.guest).breaks).toBe(0)
  }

  beforeAll(async () => {
    hosts = await startLibvirtHosts(2)
  })
  afterAll(async () => {
    for (const host of hosts) await host.end()
  })
  afterEach(() => pair.end())

  test('leaves nothing at the source, and arrives as the target’s own half, which never stopped', async () => {
    const { source, target, guest } = begin('counts')
    await pair.running()
    const address = await pair.listening()
    expect(await target.driver.survey()).toEqual([{ sid, generation: 6, state: 'incoming' }])
    const begunMs = performance.now()
    expect(await pair.move(address)).toEqual({ outcome: 'ok', detail: '', left: 'nothing' })
    const tookMs = Math.round(performance.now() - begunMs)
    await told(target, 'arrived 6')
    await isAtTarget()
    expect(source.told).toEqual([])
    const { stdout } = await target.host.virsh('domjobinfo', guest.uuid, '--completed')
    const downtime = /Total downtime: *(\d+)/.exec(stdout)?.[1]
    process.stderr.write(`live move: ${tookMs} ms in all, ${downtime} ms down\n`)
  })

  test('can go back, and its halves are not mistaken for each other', async () => {
    const { source, target, spec } = begin('counts')
    await pair.running()
    await pair.move(await pair.listening())
    await told(target, 'arrived 6')
    const mayBegin = () => true
    const back = await source.driver.receive!({ sid, generation: 7, spec, from: 'n2', mayBegin })
    const result = await target.driver.migrate!({
      ...{ sid, generation: 6, marked: 6, spec, target: 'n1', address: back.address! },
      ...{ timeoutMs: 60_000, mayBegin, onProgress: () => {} },
    })
    expect(result).toMatchObject({ outcome: 'ok', left: 'nothing' })
    await told(source, 'arrived 7')
    expect(await source.driver.survey()).toEqual([{ sid, generation: 7, state: 'running' }])
    await counting(pair.guest)
    expect(machines()).toEqual([1, 0])
    expect(readCount(pair.guest).breaks).toBe(0)
  })

  test('that nobody at the target expects is refused there (S4c)', async () => {
    const { source, target, guest } = begin('counts')
    await pair.running()
    await target.driver.survey()
    const address = await pair.listening()
    expect((await target.driver.stop(sid, 0)).outcome).toBe('ok')
    // Neither by the agent, late, nor by hand.
    const late = await pair.move(address)
    expect(late).toMatchObject({ outcome: 'error', left: 'running' })
    expect(late.detail).toContain('nobody here expects')
    const { uuid } = guest
    const { address: uri } = target.host
    const byHand = await source.host.virsh('migrate', '--live', '--p2p', '--unsafe', uuid, uri)
    expect(byHand.stderr).toContain('Holdfast')
    await isAtSource()
  })

  test('is ended at its deadline, and then it runs where it was', async () => {
    const { target } = begin('dirties')
    const { result } = await pair.slowMove(4_000)
    expect(await result).toMatchObject({ outcome: 'timeout', left: 'running' })
    await told(target, 'exited 6')
    expect(pair.progress.at(-1)?.transferredBytes).toBeGreaterThan(0)
    await isAtSource()
  })

  test('whose client is killed is followed to its end, and its half is only then spoken of (S4b)', async () => {
    const { source, target, guest } = begin('dirties')
    const { result } = await pair.slowMove()
    killMovers(guest.uuid)
    expect(await source.driver.survey()).toEqual([{ sid, generation: 5, state: 'migrating' }])
    // Nobody waits for it but the driver, which goes on telling how far it has come.
    const { length } = pair.progress
    await expect.poll(() => pair.progress.length, { timeout: 20_000 }).toBeGreaterThan(length + 2)
    await source.host.virsh('migrate-setspeed', guest.uuid, '1000')
    await source.host.virsh('migrate-setmaxdowntime', guest.uuid, '2000')
    expect(await result).toMatchObject({ outcome: 'error', left: 'nothing' })
    await told(target, 'arrived 6')
    await isAtTarget()
  })

  test('that an earlier agent began is found, and ended by the next one', async () => {
    const { source, target, guest } = begin('dirties')
    const { result } = await pair.slowMove()
    source.nextAgent()
    killMovers(guest.uuid)
    expect(await source.driver.survey()).toEqual([{ sid, generation: 5, state: 'migrating' }])
    expect(await source.driver.cancel!(sid)).toMatchObject({ left: 'running' })
    expect(await result).toMatchObject({ left: 'running' })
    await told(target, 'exited 6')
    await isAtSource()
  })

  test('goes on when the target’s agent dies, and the next one is told of the arrival', async () => {
    const { source, target, guest } = begin('dirties')
    const { address, result } = await pair.slowMove()
    target.nextAgent()
    expect(await target.driver.survey()).toEqual([{ sid, generation: 6, state: 'incoming' }])
    expect(await pair.listening()).toBe(address)
    await source.host.virsh('migrate-setspeed', guest.uuid, '1000')
    await source.host.virsh('migrate-setmaxdowntime', guest.uuid, '2000')
    expect(await result).toMatchObject({ outcome: 'ok', left: 'nothing' })
    await told(target, 'arrived 6')
    await isAtTarget()
  })

  test('whose machine dies at the source leaves nothing at either end', async () => {
    const { source, target } = begin('dirties')
    const { result } = await pair.slowMove()
    kill(source.host)
    expect(await result).toMatchObject({ outcome: 'error', left: 'nothing' })
    await told(target, 'exited 6')
    expect(machines()).toEqual([0, 0])
    expect(await target.driver.survey()).toEqual([])
    expect(source.told).toEqual([])
  })

  test('whose half dies at the target leaves it running, and that half is never entered again, agent or not', async () => {
    const { target } = begin('dirties')
    const { address, result } = await pair.slowMove()
    // From here on only the hook answers for the target.
    target.driver.detach()
    kill(target.host)
    expect(await result).toMatchObject({ outcome: 'error', left: 'running' })
    const again = await pair.move(address)
    expect(again).toMatchObject({ outcome: 'error', left: 'running' })
    expect(again.detail).toContain('nobody here expects')
    await isAtSource()
  })

  test('is ended by a stop of its target: nothing of it can arrive afterwards', async () => {
    const { target } = begin('dirties')
    const { result } = await pair.slowMove()
    expect((await target.driver.stop(sid, 60_000)).outcome).toBe('ok')
    expect(machines()).toEqual([1, 0])
    expect(await result).toMatchObject({ outcome: 'error', left: 'running' })
    await isAtSource()
  })

  test('is ended by a stop of its source: nothing of it is left to leave', async () => {
    const { source, target } = begin('dirties')
    const { result } = await pair.slowMove()
    expect((await source.driver.stop(sid, 0)).outcome).toBe('ok')
    expect(await result).toMatchObject({ left: 'nothing' })
    await told(target, 'exited 6')
    expect(machines()).toEqual([0, 0])
  })

  test('needs an exclusive lock of a disk; without one it is refused at both ends, and nothing is touched', async () => {
    const { source, target, spec } = begin('counts')
    await pair.running()
    const readonly = { ...spec, xml: spec.xml.replace('<target dev', '<readonly/><target dev') }
    const mayBegin = () => true
    const received = await target.driver.receive!({
      ...{ sid, generation: 6, spec: readonly, from: 'n1', mayBegin },
    })
    expect(received).toMatchObject({ outcome: 'not-live' })
    const moved = await source.driver.migrate!({
      ...{ sid, generation: 5, marked: 5, spec: readonly, target: 'n2', address: 'x' },
      ...{ timeoutMs: 1_000, mayBegin, onProgress: () => {} },
    })
    expect(moved).toMatchObject({ outcome: 'not-live', left: 'running' })
    // The lock at work: a second copy of a machine with this disk does not come to run.
    const second = await target.driver.start({ sid, generation: 9, spec, mayStart: () => true })
    expect(second).toMatchObject({ outcome: 'error' })
    expect(second.detail).toMatch(/lock/)
    await isAtSource()
  })
})

/** Kills every `virsh migrate` of this machine, as one that ran out of patience would. */
function killMovers(uuid: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      if (words[0] === 'virsh' && words.includes('migrate') && words.includes(uuid))
        process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}
