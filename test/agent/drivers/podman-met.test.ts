// Containers of Podman that somebody else has made: found by the name of the service once the plane has named it (S18),
// begun by nobody but the agent from then on, whatever Podman was told to restart (S8), and never removed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { createPodmanRig, type PodmanRig, whyNoPodman } from './podman-rig.ts'

if (whyNoPodman !== null) process.stderr.write(`skipped: foreign containers: ${whyNoPodman}\n`)

describe.skipIf(whyNoPodman !== null)(
  'a container that is run by hand',
  { timeout: 60_000 },
  () => {
    let rig: PodmanRig
    let driver: Driver
    let name: string
    const events = { exited: () => {}, arrived: () => {} }
    const known = () => [{ sid: rig.sid, spec: { name } }]
    const found = (generation = 0) => [{ sid: rig.sid, generation, state: 'running' }]
    const run = (as: string) => {
      const { rootfs } = rig
      const mark = `--env=HOLDFAST_TEST=${rig.environment['HOLDFAST_TEST']}`
      const words = ['--detach', '--restart=always', '--network=none', `--name=${as}`, mark]
      rig.podman('run', ...words, '--rootfs', rootfs, '/bin/willing')
    }

    beforeEach(() => {
      rig = createPodmanRig()
      name = rig.sid.slice(rig.sid.indexOf(':') + 1)
      driver = rig.createDriver(events)
    })
    afterEach(async () => {
      await driver.survey(known())
      expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
      driver.detach()
      rig.podman('rm', '--all', '--force', '--time=0')
      await rig.end()
    })

    test('is found once it is asked for, also by the next agent, and ended; what was in it stays (S18)', async () => {
      run(name)
      expect(await driver.survey()).toEqual([])
      expect(await driver.survey(known())).toEqual(found())
      driver.detach()
      driver = rig.createDriver(events)
      expect(await driver.survey()).toEqual(found())
      expect((await driver.stop(rig.sid, 5_000)).outcome).toBe('ok')
      expect(await rig.isAlive()).toBe(false)
      expect(await driver.survey()).toEqual([])
      expect(rig.podman('ps', '--all', '--format={{.Names}}')).toBe(`${name}\n`)
    })

    test('is not begun by anybody else once the cluster’s services are known here (S8)', async () => {
      run(name)
      rig.podman('stop', '--time=0', name)
      // Podman may clean up for a moment still, and for so long it is a doubt.
      await expect.poll(() => driver.survey([], known()), { timeout: 10_000 }).toEqual([])
      expect(() => rig.podman('start', name)).toThrow('only its agent starts it')
      // As podman-restart.service does when the host has booted.
      expect(() => rig.podman('start', '--all', '--filter=restart-policy=always')).toThrow()
      rig.podman('rename', name, 'another')
      expect(() => rig.podman('start', 'another')).toThrow('only its agent starts it')
      expect(() => run(name)).toThrow('only its agent starts it')
      expect(await rig.isAlive()).toBe(false)
      rig.podman('run', '--rm', '--network=none', '--rootfs', rig.rootfs, '/bin/true')
    })

    test('makes way for the service itself, which passes its own gate', async () => {
      run(name)
      expect(await driver.survey([], known())).toEqual(found())
      const start = () =>
        driver.start({ sid: rig.sid, generation: 3, spec: rig.specs.runs, mayStart: () => true })
      expect(await start()).toMatchObject({ outcome: 'error', detail: 'it is not ended yet' })
      expect((await driver.stop(rig.sid, 5_000)).outcome).toBe('ok')
      expect(await start()).toMatchObject({ outcome: 'ok' })
      expect(await driver.survey([], known())).toEqual(found(3))
    })
  },
)
