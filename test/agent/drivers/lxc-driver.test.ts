// Containers of LXC whose processes hide, whose monitor dies and whose start hangs: found all the same, and ended for good.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { ContainerSpec } from '../../../shared/specs/container.ts'
import { isAlive } from './is-alive.ts'
import { pidsWith } from './living-with.ts'
import { createLxcRig, type LxcRig, whyNoLxc } from './lxc-rig.ts'

describe.skipIf(whyNoLxc !== null)('a container of LXC', { timeout: 30_000 }, () => {
  let rig: LxcRig
  let driver: Driver
  let exits: string[]
  let begun: Promise<unknown>[]

  const newDriver = () =>
    rig.createDriver({
      exited: (_sid, _generation, detail) => void exits.push(detail),
      arrived: () => expect.fail('nothing is moved here'),
    })
  const nextAgent = () => {
    driver.detach()
    driver = newDriver()
  }
  const start = (spec: unknown) =>
    driver.start({ sid: rig.sid, generation: 1, spec, mayStart: () => true })
  const states = async () => (await driver.survey()).map(({ state }) => state)
  const until = (what: () => unknown) =>
    vi.waitFor(() => expect(what()).toBeTruthy(), { timeout: 5_000, interval: 10 })
  const begin = (isThere: boolean) => {
    rig = createLxcRig(isThere)
    driver = newDriver()
  }
  /** LXC's own process of it, found by its name. */
  const monitor = () => pidsWith('/1/monitor').find((pid) => wordsOf(pid).includes(rig.name)) ?? 0

  beforeEach(() => {
    exits = []
    begun = []
    begin(false)
  })
  afterEach(async () => {
    expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
    await Promise.allSettled(begun)
    driver.detach()
    await rig.end()
  })

  test('whose monitor is killed is told, and nothing of it is left after a stop', async () => {
    const { detail } = await start(rig.specs.deaf)
    const first = detail.replace('pid ', '')
    process.kill(monitor(), 'SIGKILL')
    await until(() => exits.length > 0)
    expect((await driver.stop(rig.sid, 1_000)).outcome).toBe('ok')
    expect(isAlive(first)).toBe(false)
  })

  test('whose first process has cleaned its environment is found by the next agent', async () => {
    expect((await start(rig.specOf('/bin/clean'))).outcome).toBe('ok')
    await until(() => pidsWith(`/${rig.sid}/1`).length === 1)
    nextAgent()
    expect(await states()).toEqual(['running'])
  })

  test('whose start hangs when the agent is killed is a doubt to the next one, and ended before a stop is ok (S16)', async () => {
    const hook = join(rig.home, 'hook')
    writeFileSync(hook, `#!/bin/sh\necho $$ >${rig.home}/hooked\nexec sleep 600\n`, { mode: 0o755 })
    begun.push(start(rig.specOf('/bin/willing', [`lxc.hook.start-host = ${hook}`])))
    const hooked = () => {
      try {
        return readFileSync(join(rig.home, 'hooked'), 'utf8').trim()
      } catch {
        return ''
      }
    }
    await until(hooked)
    nextAgent()
    expect(await states()).toEqual(['unknown'])
    expect((await driver.stop(rig.sid, 100)).outcome).toBe('ok')
    expect(isAlive(hooked())).toBe(false)
    expect(await states()).toEqual([])
  })

  test('that is there on the node keeps its configuration, and gets its gate once', async () => {
    await rig.end()
    begin(true)
    const config = () => readFileSync(join(rig.path, rig.name, 'config'), 'utf8')
    const before = config()
    for (let times = 0; times < 2; times++) {
      expect((await start(rig.specs.runs)).outcome).toBe('ok')
      await driver.stop(rig.sid, 5_000)
    }
    expect(config().startsWith(before)).toBe(true)
    expect(config().match(/lxc\.hook\.pre-start/g)).toHaveLength(1)
    expect(config().lastIndexOf('lxc.start.auto = 0')).toBeGreaterThan(
      config().lastIndexOf('lxc.start.auto = 1'),
    )
  })

  test('that is killed again and again leaves no cgroup behind', async () => {
    // Of either version: the one hierarchy, or those below it.
    const top = '/sys/fs/cgroup'
    const cgroups = () =>
      [top, ...readdirSync(top).map((one) => join(top, one))]
        .filter((path) => statSync(path).isDirectory())
        .flatMap((path) => readdirSync(path).filter((one) => one.includes(rig.name)))
    for (let times = 0; times < 2; times++) {
      expect((await start(rig.specs.deaf)).outcome).toBe('ok')
      expect(cgroups()).not.toEqual([])
      expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
    }
    expect(cgroups()).toEqual([])
  })

  test('that is not on this node is for another node', async () => {
    const { outcome, detail } = await start({ container: 'nobody' })
    expect({ outcome, detail }).toMatchObject({ outcome: 'wrong-node' })
    expect(detail).toContain('no container nobody')
  })

  test('is measured', async () => {
    await start(rig.specs.runs)
    await vi.waitFor(async () => {
      const [reading] = (await driver.measure?.()) ?? []
      expect(reading).toMatchObject({ sid: rig.sid, generation: 1 })
      expect(reading!.cpuMs).toBeGreaterThan(0)
      expect(reading!.memoryBytes).toBeGreaterThan(0)
    })
  })
})

test.each([
  [{ config: ['lxc.start.auto = 1'] }, 'config.0', /only the agent starts it/],
  [{ config: ['lxc.uts.name = a', 'rm -rf /'] }, 'config.1', /lxc\.key = value/],
  [{ config: ['lxc.a = b\nlxc.start.auto = 1'] }, 'config.0', /lxc\.key = value/],
  [{ config: ['lxc.include = /x'] }, 'config.0', /put its lines here/],
  [{ config: ['lxc.ephemeral = 1'] }, 'config.0', /lxc\.ephemeral must be 0/],
  [{ container: '../x' }, 'container', /letters, digits/],
  [{ container: 'a', config: ['lxc.a = b'] }, 'container', /either container/],
])('the specification %j of a container is refused, and names the field', (spec, field, why) => {
  const { error } = ContainerSpec.safeParse(spec)
  const [issue] = error!.issues
  expect(issue!.path.join('.')).toBe(field)
  expect(issue!.message).toMatch(why)
})

function wordsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
}
