// Containers of Podman whose client or conmon dies, and their images: found all the same, and ended for good.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { PodmanSpec } from '../../../shared/specs/container.ts'
import { pidsWith } from './living-with.ts'
import { createPodmanRig, type PodmanRig, whyNoPodman } from './podman-rig.ts'

describe.skipIf(whyNoPodman !== null)('a container of Podman', { timeout: 60_000 }, () => {
  let rig: PodmanRig
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
  const start = (spec: unknown = rig.specs.runs) =>
    driver.start({ sid: rig.sid, generation: 1, spec, mayStart: () => true })
  const states = async () => (await driver.survey()).map(({ state }) => state)
  /** Of clients and conmons, by what only this rig's have in it. */
  const attendants = (what: string) =>
    pidsWith(what).filter((pid) => wordsOf(pid).includes(`holdfast-${rig.sid.slice(7)}`))

  beforeEach(() => {
    exits = []
    begun = []
    rig = createPodmanRig()
    driver = newDriver()
  })
  afterEach(async () => {
    expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
    await Promise.allSettled(begun)
    expect(await rig.isAlive()).toBe(false)
    driver.detach()
    await rig.end()
  })

  test('whose client hangs when the agent is killed is a doubt to the next one, and nothing begins after a stop (S16)', async () => {
    begun.push(start())
    await vi.waitFor(() => expect(attendants('HOLDFAST_PODMAN=')).not.toEqual([]), { interval: 1 })
    for (const pid of attendants('HOLDFAST_PODMAN=')) process.kill(pid, 'SIGSTOP')
    nextAgent()
    expect(await states()).toEqual(['unknown'])
    expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
    expect(await states()).toEqual([])
    expect(rig.podman('ps', '--all', '--quiet')).toBe('')
  })

  test('whose conmon is killed runs on, is found, and ends with a stop', async () => {
    await start(rig.specs.deaf)
    for (const pid of attendants('_OCI_SYNCPIPE')) process.kill(pid, 'SIGKILL')
    nextAgent()
    expect(await states()).toEqual(['running'])
    expect((await driver.stop(rig.sid, 500)).outcome).toBe('ok')
    expect(await rig.isAlive()).toBe(false)
  })

  test('runs an image of the node, and none that cannot be had', async () => {
    const archive = `${rig.rootfs}.tar`
    execFileSync('tar', ['-C', rig.rootfs, '-cf', archive, '.'])
    rig.podman('import', '--quiet', archive, 'localhost/hf:1')
    const { environment } = rig
    const spec = {
      image: 'localhost/hf:1',
      command: ['/bin/willing'],
      network: 'none',
      environment,
    }
    expect((await start(spec)).outcome).toBe('ok')
    expect(await rig.isAlive()).toBe(true)
    expect((await driver.stop(rig.sid, 5_000)).outcome).toBe('ok')
    const { outcome, detail } = await start({ ...spec, image: 'localhost:1/nothing:1' })
    expect({ outcome, detail }).toMatchObject({ outcome: 'error' })
    expect(detail).toContain('the image localhost:1/nothing:1 cannot be had')
  })

  test('is measured', async () => {
    await start()
    await vi.waitFor(async () => {
      const [reading] = (await driver.measure?.()) ?? []
      expect(reading).toMatchObject({ sid: rig.sid, generation: 1 })
      expect(reading!.cpuMs).toBeGreaterThan(0)
      expect(reading!.memoryBytes).toBeGreaterThan(0)
    })
  })
})

test.each([
  [{}, 'image', /either image or rootfs/],
  [{ image: '--privileged' }, 'image', /must be a name/],
  [{ rootfs: 'srv', command: ['a'] }, 'rootfs', /absolute path/],
  [{ rootfs: '/srv' }, 'command', /what runs in a rootfs/],
  [{ image: 'a', volumes: ['data:/data'] }, 'volumes.0', /on\/the\/node/],
  [{ image: 'a', ports: ['80 -v /:/x'] }, 'ports.0', /8080:80/],
  [{ image: 'a', network: 'host --pid=host' }, 'network', /a name, host or none/],
])('the specification %j of a container is refused, and names the field', (spec, field, why) => {
  const { error } = PodmanSpec.safeParse(spec)
  const [issue] = error!.issues
  expect(issue!.path.join('.')).toBe(field)
  expect(issue!.message).toMatch(why)
})

function wordsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
