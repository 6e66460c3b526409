// What every driver that moves services live must do, against the real thing, whether its moves take one step or two: one
// suite for all of them. A kind brings two nodes that see what a service of it needs.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver, DriverEvents, MigrateResult } from '../../../agent/drivers/driver.ts'

/** Kinds whose drivers say that they can; each is held to this contract. */
export const kindsThatMove = ['vm', 'ocf'] as const

export type MoveRig = {
  sid: string
  /** Runs, and may move. */
  spec: unknown
  /** A driver as an agent's process on n1, or n2, makes it: each further one is that of a later process of the same boot. */
  createDriver(node: 'n1' | 'n2', events: DriverEvents): Driver
  /** On which nodes anything of the service lives, asked without the drivers. */
  livesOn(): Promise<string[]>
  end(): Promise<void>
}

/** @param whyNot what this machine lacks to show it; then the suite is skipped, and says so by its name */
export function moveContract(
  kind: (typeof kindsThatMove)[number],
  what: string,
  whyNot: string | null,
  createRig: () => MoveRig | Promise<MoveRig>,
): void {
  const name = `${kind}, ${what}${whyNot === null ? '' : ` (skipped: ${whyNot})`}`
  if (whyNot !== null) process.stderr.write(`skipped: contract of moves: ${name}\n`)
  describe.skipIf(whyNot !== null)(
    `the contract of live moves: ${name}`,
    { timeout: 60_000 },
    () => {
      let rig: MoveRig
      let told: string[]
      let n1: Driver
      let n2: Driver
      const newDriver = (node: 'n1' | 'n2') =>
        rig.createDriver(node, {
          exited: (_sid, generation) => void told.push(`${node} exited ${generation}`),
          arrived: (_sid, generation) => void told.push(`${node} arrived ${generation}`),
        })
      const found = (generation: number, state: string) => [{ sid: rig.sid, generation, state }]
      const yes = () => true

      beforeEach(async () => {
        rig = await createRig()
        told = []
        n1 = newDriver('n1')
        n2 = newDriver('n2')
      })
      afterEach(async () => {
        for (const driver of [n1, n2]) {
          await driver.stop(rig.sid, 0)
          driver.detach()
        }
        await rig.end()
      })

      const running = async () => {
        const { sid, spec } = rig
        const started = await n1.start({ sid, generation: 5, spec, mayStart: yes })
        expect(started).toMatchObject({ outcome: 'ok' })
      }
      const receive = (mayBegin = yes, generation = 6, at = n2, from = 'n1') =>
        at.receive!({ sid: rig.sid, generation, spec: rig.spec, from, mayBegin })
      const migrate = (address: string, mayBegin = yes, marked = 5, at = n1, target = 'n2') =>
        at.migrate!({
          // Whatever number it counts as here, its marks are what it is known by.
          ...{ sid: rig.sid, generation: marked + 40, marked, spec: rig.spec, target, address },
          ...{ timeoutMs: 30_000, mayBegin, onProgress: () => {} },
        })
      /** Whatever its steps are: what the source says at last. */
      const move = async (
        [from, source]: [string, Driver],
        [to, target]: [string, Driver],
        [left, right]: [number, number],
      ): Promise<MigrateResult> => {
        const { address, takesUp } = await receive(yes, right, target, from)
        const sent = await migrate(address!, yes, left, source, to)
        if (!takesUp) {
          await vi.waitFor(() => expect(told).toContain(`${to} arrived ${right}`), 20_000)
          return sent
        }
        expect(sent).toMatchObject({ outcome: 'ok', left: 'sent' })
        const { sid, spec } = rig
        const taken = await target.takeUp!({ sid, generation: right, spec, from, mayBegin: yes })
        expect(taken).toMatchObject({ outcome: 'ok' })
        return source.cancel!(sid)
      }
      const gone = { outcome: 'ok', left: 'nothing' }

      test('it arrives under the number of the target’s half, whatever it was adopted as at the source, of which nothing is left', async () => {
        await running()
        expect(await move(['n1', n1], ['n2', n2], [5, 6])).toMatchObject(gone)
        expect(await n1.survey()).toEqual([])
        expect(await n2.survey()).toEqual(found(6, 'running'))
        expect(await rig.livesOn()).toEqual(['n2'])
        expect(told.filter((one) => one.includes('exited'))).toEqual([])
      })

      test('it can go back, under a number of its own', async () => {
        await running()
        await move(['n1', n1], ['n2', n2], [5, 6])
        expect(await move(['n2', n2], ['n1', n1], [6, 7])).toMatchObject(gone)
        expect(await n1.survey()).toEqual(found(7, 'running'))
        expect(await n2.survey()).toEqual([])
        expect(await rig.livesOn()).toEqual(['n1'])
      })

      test('a half that waits is incoming, and nothing of it is alive', async () => {
        await running()
        expect(await receive()).toMatchObject({
          outcome: 'ok',
          address: expect.stringMatching(/./),
        })
        expect(await n2.survey()).toEqual(found(6, 'incoming'))
        expect(await n1.survey()).toEqual(found(5, 'running'))
        expect(await rig.livesOn()).toEqual(['n1'])
      })

      test('a half that waits is attached to by the next agent, or opened anew, at the same address', async () => {
        await running()
        const { address } = await receive()
        n2.detach()
        n2 = newDriver('n2')
        expect([[], found(6, 'incoming')]).toContainEqual(await n2.survey())
        expect(await receive()).toMatchObject({ outcome: 'ok', address })
      })

      test('a half that is stopped leaves nothing, and the service where it was', async () => {
        await running()
        await receive()
        expect((await n2.stop(rig.sid, 1_000)).outcome).toBe('ok')
        expect(await n2.survey()).toEqual([])
        expect(await n1.survey()).toEqual(found(5, 'running'))
        expect(await rig.livesOn()).toEqual(['n1'])
      })

      test('what the lease allows no more is not begun, at either end', async () => {
        await running()
        expect((await receive(() => false)).outcome).toBe('error')
        expect(await n2.survey()).toEqual([])
        const { address } = await receive()
        const late = await migrate(address!, () => false)
        expect(late).toMatchObject({ outcome: 'error', left: 'running' })
        expect(await n1.survey()).toEqual(found(5, 'running'))
        expect(await rig.livesOn()).toEqual(['n1'])
      })

      test('what bears another mark is not moved, and nobody says what is left of it', async () => {
        await running()
        const { address } = await receive()
        expect(await migrate(address!, yes, 4)).toMatchObject({ outcome: 'error', left: 'unknown' })
        expect(await rig.livesOn()).toEqual(['n1'])
      })

      test('a cancel of what was never begun says that it runs', async () => {
        await running()
        expect(await n1.cancel!(rig.sid)).toMatchObject({ left: 'running' })
        expect(await n1.survey()).toEqual(found(5, 'running'))
      })

      test('a cancel where nothing is says so', async () => {
        expect(await n1.cancel!(rig.sid)).toMatchObject({ outcome: 'error', left: 'nothing' })
      })

      test('what has arrived is watched there, and stopped like any other', async () => {
        await running()
        await move(['n1', n1], ['n2', n2], [5, 6])
        n2.detach()
        n2 = newDriver('n2')
        expect(await n2.survey()).toEqual(found(6, 'running'))
        expect((await n2.stop(rig.sid, 5_000)).outcome).toBe('ok')
        expect(await rig.livesOn()).toEqual([])
      })
    },
  )
}
