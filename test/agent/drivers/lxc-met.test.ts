// Containers of LXC that somebody else has started: found by their names once the plane has named them, whoever did it and
// how (S18), and started by nobody but the agent from then on, across boots (S8).
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import { createLxcRig, type LxcRig, whyNoLxc } from './lxc-rig.ts'

if (whyNoLxc !== null) process.stderr.write(`skipped: containers started by hand: ${whyNoLxc}\n`)

describe.skipIf(whyNoLxc !== null)(
  'a container that is started by hand',
  { timeout: 30_000 },
  () => {
    let rig: LxcRig
    let driver: Driver
    let exits: number[]
    let ended: Promise<unknown>
    const events = { exited: (_: string, gen: number) => void exits.push(gen), arrived: () => {} }
    const asked = () => [{ sid: rig.sid, spec: { container: rig.name } }]
    const found = () => [{ sid: rig.sid, generation: 0, state: 'running' }]
    const words = () => ['-P', rig.path, '-n', rig.name]
    const byHand = () => void execFileSync('lxc-start', [...words(), '-d'])
    const startFails = () => {
      spawnSync('lxc-start', [...words(), '-d'], { stdio: 'ignore' })
      spawnSync('lxc-autostart', ['-P', rig.path], { stdio: 'ignore' })
    }

    beforeEach(() => {
      exits = []
      ended = Promise.resolve()
      rig = createLxcRig(true)
      driver = rig.createDriver(events)
    })
    afterEach(async () => {
      await driver.survey(asked())
      expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
      await ended
      driver.detach()
      await rig.end()
    })

    test('is found once it is asked for, also by the next agent, and ended like any other (S18)', async () => {
      byHand()
      expect(await driver.survey()).toEqual([])
      expect(await driver.survey(asked())).toEqual(found())
      driver.detach()
      driver = rig.createDriver(events)
      expect(await driver.survey()).toEqual(found())
      expect((await driver.stop(rig.sid, 5_000)).outcome).toBe('ok')
      expect(await rig.isAlive()).toBe(false)
      expect(await driver.survey()).toEqual([])
    })

    test('in the foreground, as a unit starts it, is found too', async () => {
      ended = once(spawn('lxc-start', [...words(), '-F'], { stdio: 'ignore' }), 'exit')
      await expect.poll(() => driver.survey(asked()), { timeout: 5_000 }).toEqual(found())
    })

    test('is told when it ends, and found without its monitor', async () => {
      byHand()
      expect(await driver.survey(asked())).toEqual(found())
      const [monitor] = execFileSync('pgrep', ['-f', `lxc monitor. ${rig.path} `])
        .toString()
        .split('\n')
      process.kill(Number(monitor), 'SIGKILL')
      expect(await driver.survey()).toMatchObject([{ sid: rig.sid, generation: 0 }])
      await driver.stop(rig.sid, 0)
      expect(await rig.isAlive()).toBe(false)
    })

    test('is not started by anybody else once the cluster’s services are known here, and after a boot (S8)', async () => {
      expect(await driver.survey([], asked())).toEqual([])
      startFails()
      expect(await rig.isAlive()).toBe(false)
      expect(
        (await driver.start({ ...asked()[0]!, generation: 4, mayStart: () => true })).outcome,
      ).toBe('ok')
      expect(await driver.survey([], asked())).toMatchObject([{ generation: 4, state: 'running' }])
    })

    test('of another path, or of a like name, is none of ours', async () => {
      byHand()
      const other = { sid: rig.sid, spec: { container: rig.name.slice(0, -1) } }
      expect(await driver.survey([other])).toEqual([])
      const elsewhere = createLxcRig(true)
      const its = elsewhere.createDriver(events)
      expect(await its.survey([{ sid: rig.sid, spec: { container: rig.name } }])).toEqual([])
      its.detach()
      await elsewhere.end()
    })
  },
)
