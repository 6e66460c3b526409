// A live move as a client sees it: a TCP connection between the guest and somebody else on its network stays open, and what is
// sent over it is acknowledged again right after.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LibvirtHost, startLibvirtHosts, whyNoLibvirt } from './libvirt-host.ts'
import { createPair, type Pair, sid } from './pair.ts'

const whyNot = whyNoLibvirt()
if (whyNot !== null) process.stderr.write(`skipped: a connection during a live move: ${whyNot}\n`)

const run = promisify(execFile)
const program = fileURLToPath(new URL('boot-server.mjs', import.meta.url))

const title = whyNot === null ? 'a live move' : `a live move (skipped: ${whyNot})`
describe.skipIf(whyNot !== null)(title, { timeout: 180_000 }, () => {
  let hosts: LibvirtHost[]
  let pair: Pair
  let server: ChildProcess
  let said = ''
  /** What a failed beginning has not made is not there to be ended. */
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    hosts = await startLibvirtHosts(2)
    ends.push(() => Promise.all(hosts.map((host) => host.end())))
    pair = createPair(hosts, 'talks')
    ends.push(() => pair.end())
    server = spawn('nsenter', [...hosts[0]!.enterNetwork, process.execPath, program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    ends.push(async () => {
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
    })
    server.stdout!.on('data', (text: Buffer) => {
      said += text.toString()
    })
  })
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })

  /** What the guest has acknowledged of what it was sent, over all its connections that are open now. */
  async function acknowledged(): Promise<number> {
    const words = ['ss', '-tinH', 'state', 'established', 'sport', '=', ':80']
    const { stdout } = await run('nsenter', [...hosts[0]!.enterNetwork, ...words])
    return Number(/bytes_acked:(\d+)/.exec(stdout)?.[1] ?? 0)
  }

  /** The longest time in which nothing new was acknowledged, until `over` is. */
  async function longestSilence(over: Promise<unknown>): Promise<number> {
    let isOver = false
    void over.finally(() => {
      isOver = true
    })
    let [last, sinceMs, longestMs] = [0, performance.now(), 0]
    while (!isOver) {
      const now = await acknowledged()
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - sinceMs)
      if (now > last) [last, sinceMs] = [now, nowMs]
    }
    return Math.round(longestMs)
  }

  test('keeps the connection that a client has with the machine', async () => {
    const { source, target } = pair
    await pair.running()
    await expect.poll(() => said, { timeout: 120_000 }).toBe('open\n')
    await expect.poll(acknowledged, { timeout: 20_000 }).toBeGreaterThan(1_000)
    const moving = pair.move(await pair.listening())
    const silenceMs = await longestSilence(moving)
    expect(await moving).toMatchObject({ outcome: 'ok', left: 'nothing' })
    await expect.poll(() => target.told, { timeout: 20_000 }).toContain('arrived 6')
    expect(await source.driver.survey()).toEqual([])
    expect(await target.driver.survey()).toEqual([{ sid, generation: 6, state: 'running' }])
    const arrived = await acknowledged()
    await expect.poll(acknowledged, { timeout: 20_000 }).toBeGreaterThan(arrived + 1_000)
    expect(said).toBe('open\n')
    const { stdout } = await target.host.virsh('domjobinfo', pair.guest.uuid, '--completed')
    const downtime = /Total downtime: *(\d+)/.exec(stdout)?.[1]
    process.stderr.write(
      `live move: ${downtime} ms down, client heard nothing for ${silenceMs} ms\n`,
    )
  })
})
