// What evidence from the simulated watchdog rests on: an unfed node is dead, all of it, before its timeout has passed.
import { afterEach, describe, expect, test } from 'vitest'
import { isAlive, until, VirtualNode } from './virtual-node.ts'

/** A tenth of it is what a busy machine may cost the supervisor. */
const timeoutMs = 2_000
const open: VirtualNode[] = []

async function virtualNode(): Promise<VirtualNode> {
  const node = new VirtualNode()
  open.push(node)
  return node.start()
}

async function armed(node: VirtualNode, withMs = timeoutMs): Promise<void> {
  node.tell('feed')
  node.tell('arm', String(withMs))
  await until('the watchdog to be armed', () => node.watchdogFile().armed)
}

afterEach(async () => {
  for (const node of open.splice(0)) await node.end()
})

describe('the simulated watchdog', () => {
  test('an unfed node is dead within its timeout, a service that left its session included, and boots anew', async () => {
    const node = await virtualNode()
    await armed(node)
    const first = node.last
    node.forget('feed')
    const silentSinceMs = performance.now()
    node.forget('arm')
    await until('the tree to be dead', () => !isAlive(first.pid) && !isAlive(first.servicePid))
    expect(performance.now() - silentSinceMs).toBeLessThan(timeoutMs + 100)
    const second = await until(
      'the next boot',
      () => node.last.bootId !== first.bootId && node.last,
    )
    expect(isAlive(second.servicePid)).toBe(true)
    expect(node.watchdogFile()).toMatchObject({
      bootId: second.bootId,
      armed: false,
      resetByWatchdog: true,
    })
    expect(await node.control('status')).toMatchObject({ watchdogResets: 1, boots: 2 })
  })

  test('a fed node lives', async () => {
    const node = await virtualNode()
    await armed(node)
    const fedSinceMs = performance.now()
    await until(
      'one timeout and more to pass',
      () => performance.now() - fedSinceMs > 1.5 * timeoutMs,
    )
    expect(isAlive(node.last.pid)).toBe(true)
    expect(node.starts()).toHaveLength(1)
  })

  test('a magic close ends the countdown', async () => {
    const node = await virtualNode()
    await armed(node)
    node.forget('arm')
    process.kill(node.last.pid, 'SIGUSR2')
    await until('the watchdog to be closed', () => !node.watchdogFile().armed)
    const closedAtMs = performance.now()
    await until(
      'one timeout and more to pass',
      () => performance.now() - closedAtMs > 1.5 * timeoutMs,
    )
    expect(isAlive(node.last.servicePid)).toBe(true)
    expect(node.starts()).toHaveLength(1)
  })

  test('a killed agent is one more ping; those that die after it without opening the device are none', async () => {
    const node = await virtualNode()
    const longMs = 6_000
    await armed(node, longMs)
    const first = node.last
    node.forget('arm')
    process.kill(first.pid, 'SIGKILL')
    const killedAtMs = performance.now()
    const again = await until('another agent', () => node.starts().length > 1 && node.last)
    expect(again.bootId).toBe(first.bootId)
    expect(isAlive(first.servicePid)).toBe(true)
    process.kill(again.pid, 'SIGKILL')
    await until('the services to be dead', () => !isAlive(first.servicePid))
    const livedMs = performance.now() - killedAtMs
    expect(livedMs).toBeGreaterThan(longMs / 2)
    expect(livedMs).toBeLessThan(longMs + 100)
  })

  test('a node that hangs is killed', async () => {
    const node = await virtualNode()
    await armed(node)
    const first = node.last
    expect(await node.control('hang')).toMatchObject({ hung: true })
    await until('the tree to be dead', () => !isAlive(first.pid) && !isAlive(first.servicePid))
    await until('the next boot', () => node.last.bootId !== first.bootId)
  })
})

describe('the supervisor', () => {
  test('a node on which everything was killed while its watchdog was armed is a node without power', async () => {
    const node = await virtualNode()
    await armed(node, 60_000)
    const first = node.last
    for (const pid of [first.pid, first.servicePid]) process.kill(pid, 'SIGKILL')
    const second = await until(
      'the next boot',
      () => node.last.bootId !== first.bootId && node.last,
    )
    expect(second.pid).not.toBe(first.pid)
    expect(await node.control('status')).toMatchObject({
      boots: 2,
      watchdogResets: 0,
      lastPowerOff: 'everything on it was killed',
    })
  })

  test('a node that hangs with its watchdog closed goes on where it was', async () => {
    const node = await virtualNode()
    await node.control('hang')
    const answers = node.answers()
    await node.control('resume')
    await until('the agent to go on', () => node.answers() > answers)
    expect(node.starts()).toHaveLength(1)
  })

  test('a node powered off stays off until it is powered on', async () => {
    const node = await virtualNode()
    const first = node.last
    expect(await node.control('power-off')).toMatchObject({ power: 'off', processes: 0 })
    expect(isAlive(first.pid) || isAlive(first.servicePid)).toBe(false)
    expect(await node.control('kill-agent')).toEqual({ error: 'the node has no power' })
    await node.control('power-on')
    await until('the next boot', () => node.last.bootId !== first.bootId)
  })

  test('an agent that ends cleanly is started again in the same boot, its services untouched', async () => {
    const node = await virtualNode()
    const first = node.last
    await node.control('restart-agent')
    const second = await until(
      'the agent to be restarted',
      () => node.starts().length > 1 && node.last,
    )
    expect(second.bootId).toBe(first.bootId)
    expect(isAlive(first.servicePid)).toBe(true)
  })

  test('a cut wire is silent, not closed, and carries what was held back once it is healed', async () => {
    const node = await virtualNode()
    await until('the plane to answer', () => node.answers() > 2)
    for (const [direction, asksArrive] of [
      ['both', false],
      ['to-plane', false],
      ['to-node', true],
    ] as const) {
      await node.control(`cut?direction=${direction}`)
      const [asked, answers] = [node.asked, node.answers()]
      if (asksArrive) await until('the question to arrive', () => node.asked > asked)
      const cutAtMs = performance.now()
      await until('a while to pass', () => performance.now() - cutAtMs > 300)
      // What was in the wire when it was cut may still arrive.
      expect(node.answers()).toBeLessThanOrEqual(answers + 1)
      await node.control('heal')
      await until('answers to arrive again', () => node.answers() > answers + 2)
    }
  })

  test('a node that loses its power does not say goodbye to the plane', async () => {
    const node = await virtualNode()
    await until('the plane to answer', () => node.answers() > 2)
    expect(await node.connections()).toBe(1)
    await node.control('power-off')
    await node.control('power-on')
    const answers = node.answers()
    await until('the next boot to be answered', () => node.answers() > answers)
    expect(await node.connections()).toBe(2)
  })

  test('nothing is left when its parent ends', async () => {
    const node = await virtualNode()
    const first = node.last
    const ended = new Promise((resolve) => node.supervisor.once('exit', resolve))
    node.supervisor.stdin?.end()
    await ended
    expect(isAlive(first.pid) || isAlive(first.servicePid)).toBe(false)
  })

  test('what a killed supervisor left behind is killed by the next one before it boots the node', async () => {
    const node = await virtualNode()
    const first = node.last
    const ended = new Promise((resolve) => node.supervisor.once('exit', resolve))
    node.supervisor.kill('SIGKILL')
    await ended
    expect(isAlive(first.servicePid)).toBe(true)
    await node.start()
    await until('the next boot', () => node.last.bootId !== first.bootId)
    expect(isAlive(first.pid) || isAlive(first.servicePid)).toBe(false)
  })
})
