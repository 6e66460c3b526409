// What every driver must do, against the real thing: one suite for all of them. A kind of service brings a rig, which says
// how one of its services looks, how it crashes, and how the host itself is asked what is there.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver, DriverEvents, DriverResult } from '../../../agent/drivers/driver.ts'
import { kindsThatMove } from './move-contract.ts'
import type { DriverRig } from './rig.ts'

type Exit = { sid: string; generation: number; detail: string }

/**
 * @param whyNot what this machine lacks to show it; then the suite is skipped, and says so by its name
 */
export function driverContract(
  kind: string,
  whyNot: string | null,
  createRig: () => DriverRig | Promise<DriverRig>,
): void {
  const name = whyNot === null ? kind : `${kind} (skipped: ${whyNot})`
  if (whyNot !== null) process.stderr.write(`skipped: driver contract of ${kind}: ${whyNot}\n`)
  describe.skipIf(whyNot !== null)(`the driver contract: ${name}`, { timeout: 60_000 }, () => {
    let rig: DriverRig
    let driver: Driver
    let exits: Exit[]
    const events = (): DriverEvents => ({
      exited: (sid, generation, detail) => void exits.push({ sid, generation, detail }),
      arrived: () => expect.fail('nothing is moved here'),
    })
    /** The agent's process ends, and the next one begins. */
    const nextAgent = () => {
      driver.detach()
      driver = rig.createDriver(events())
    }
    const start = (spec: unknown, generation = 1, mayStart = () => true): Promise<DriverResult> => {
      driver.prepare(rig.sid, generation)
      return driver.start({ sid: rig.sid, generation, spec, mayStart })
    }
    const running = async (generation = 1) => {
      expect(await start(rig.specs.runs, generation)).toMatchObject({ outcome: 'ok' })
      expect(await rig.isAlive()).toBe(true)
    }
    const isGone = async () => {
      expect(await rig.isAlive()).toBe(false)
      expect(await driver.survey()).toEqual([])
    }
    const found = (generation = 1) => [{ sid: rig.sid, generation, state: 'running' }]
    const told = () =>
      vi.waitFor(() => expect(exits).not.toEqual([]), { timeout: rig.noticesWithinMs, interval: 5 })

    beforeEach(async () => {
      rig = await createRig()
      exits = []
      driver = rig.createDriver(events())
    })
    afterEach(async () => {
      await driver.stop(rig.sid, 0)
      driver.detach()
      await rig.end()
    })

    describe('a start', () => {
      test('brings the service to run, under its generation', async () => {
        await running(3)
        expect(await driver.survey()).toEqual(found(3))
        expect(exits).toEqual([])
      })

      test('that may not happen any more does not happen (S14)', async () => {
        const { outcome } = await start(rig.specs.runs, 1, () => false)
        expect(outcome).toBe('error')
        await isGone()
      })

      test('of what does not come to run is told, once, with the reason', async () => {
        const { outcome, detail } = await start(rig.specs.fails)
        // A host that is slow to carry it out sees it run for a moment; then its end is told as one.
        if (outcome === 'ok') await told()
        else expect({ outcome, exits }).toEqual({ outcome: 'error', exits: [] })
        expect(exits[0]?.detail ?? detail).not.toBe('')
        const states = (await driver.survey()).map(({ state }) => state)
        expect(states).not.toContain('running')
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await isGone()
      })

      test('of a specification that is none is invalid, and does nothing', async () => {
        expect((await start(rig.specs.invalid)).outcome).toBe('invalid')
        await isGone()
      })

      test('can follow a stop, under the next generation', async () => {
        await running(1)
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await running(2)
        expect(await driver.survey()).toEqual(found(2))
      })
    })

    describe('a running service', () => {
      test('that crashes is told at once, once, and is not found running', async () => {
        await running(4)
        await rig.crash()
        await told()
        expect(exits).toMatchObject([{ sid: rig.sid, generation: 4 }])
        const states = (await driver.survey()).map(({ state }) => state)
        expect(states).not.toContain('running')
        expect(exits).toHaveLength(1)
      })

      test('that crashed can be started again, once it is cleaned up', async () => {
        await running(4)
        await rig.crash()
        await told()
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await isGone()
        await running(4)
      })

      test('outlives the agent, and is found by the next one, under its generation', async () => {
        await running(5)
        nextAgent()
        expect(await driver.survey()).toEqual(found(5))
        expect(await rig.isAlive()).toBe(true)
        expect(exits).toEqual([])
      })

      test('that an earlier agent started is watched by the next one (M14)', async () => {
        await running(5)
        nextAgent()
        await driver.survey()
        await rig.crash()
        await told()
        expect(exits).toMatchObject([{ sid: rig.sid, generation: 5 }])
      })

      test('that an earlier agent started is stopped by the next one', async () => {
        await running(5)
        nextAgent()
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await isGone()
      })

      test('of another node is not taken for one of ours, nor touched', async ({ skip }) => {
        if (rig.createForeign === null) return skip('this kind cannot tell')
        await running()
        const other = rig.createForeign(events())
        expect(await other.survey()).toEqual([])
        other.detach()
        expect(await rig.isAlive()).toBe(true)
      })
    })

    describe('a stop', () => {
      test('leaves nothing, and is not told as a crash', async () => {
        await running()
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await isGone()
        expect(exits).toEqual([])
      })

      test('kills at the timeout what does not end when asked (D12)', async ({ skip }) => {
        if (rig.specs.deaf === null) return skip('this kind has no such thing')
        expect((await start(rig.specs.deaf)).outcome).toBe('ok')
        expect((await driver.stop(rig.sid, 300)).outcome).toBe('ok')
        await isGone()
      })

      test('asked for again can only get shorter', async () => {
        const spec = rig.specs.deaf ?? rig.specs.runs
        expect((await start(spec)).outcome).toBe('ok')
        const first = driver.stop(rig.sid, 3_600_000)
        const second = driver.stop(rig.sid, 100)
        expect((await second).outcome).toBe('ok')
        expect((await first).outcome).toBe('ok')
        await isGone()
      })

      test('of what does not run is ok', async () => {
        expect((await driver.stop(rig.sid, rig.patienceMs)).outcome).toBe('ok')
        await isGone()
      })

      test('that overtakes a start leaves nothing of it, and nothing that still begins (S16)', async () => {
        const starting = start(rig.specs.runs)
        const stopping = driver.stop(rig.sid, 0)
        const [, stopped] = await Promise.all([starting, stopping])
        // The start may have been told `ok` before; whatever it left is ended by one more stop, for good.
        expect(stopped.outcome).toBe('ok')
        if ((await starting).outcome !== 'ok') await isGone()
        expect((await driver.stop(rig.sid, 0)).outcome).toBe('ok')
        await isGone()
      })
    })

    describe('nobody but the agent', () => {
      test('starts a service that was never started here (S8)', async ({ skip }) => {
        if (rig.startByOthers === null) return skip('nobody else knows how')
        // Known to the host from an earlier time, as after a reboot.
        await running()
        await driver.stop(rig.sid, rig.patienceMs)
        await rig.startByOthers()
        await isGone()
      })

      test('starts it while no agent lives', async ({ skip }) => {
        if (rig.startByOthers === null) return skip('nobody else knows how')
        await running()
        await driver.stop(rig.sid, rig.patienceMs)
        driver.detach()
        await rig.startByOthers()
        expect(await rig.isAlive()).toBe(false)
        driver = rig.createDriver(events())
        await isGone()
      })

      test('starts it again after a crash', async ({ skip }) => {
        if (rig.startByOthers === null) return skip('nobody else knows how')
        await running()
        await rig.crash()
        await told()
        await rig.startByOthers()
        expect(await rig.isAlive()).toBe(false)
      })
    })

    test('a driver that moves live is held to the contract of that, and offers all of it', () => {
      const offers = (['receive', 'migrate', 'cancel'] as const).map((one) => one in driver)
      const moves = kindsThatMove.some((one) => one === driver.type)
      expect(offers).toEqual([moves, moves, moves])
    })

    test('a driver that is detached tells nothing more', async () => {
      await running()
      driver.detach()
      await rig.crash()
      await new Promise((resolve) => setTimeout(resolve, rig.noticesWithinMs + 300))
      expect(exits).toEqual([])
      nextAgent()
    })
  })
}
