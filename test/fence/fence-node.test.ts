// The job that carries an order out: what the devices said is not lost, whatever becomes of the way to the database.
import { expect, test } from 'vitest'
import { fenceNode } from '../../control-plane/fence/fence-node.ts'
import type { FenceStore, FenceTask } from '../../control-plane/fence/fence-store.ts'
import type { ReadMoment } from '../../control-plane/fence/read-moment.ts'
import { HostClock, Process } from '../sim/process.ts'
import { Scheduler } from '../sim/scheduler.ts'
import { ScriptedDevice, uuid } from './scripted-device.ts'

const task: FenceTask = {
  ...{ clusterId: 1, node: 'n3', epoch: 3, order: 'o1', nodeUid: 'u3', attempt: 1 },
  devices: [
    {
      ...{ name: 'bmc', kind: 'redfish', uid: 'd1', expects: { uuid, serial: null } },
      ...{ options: {}, secret: null },
    },
  ],
  needs: { gapMs: 1_000, canMove: true },
  ...{ wasOn: [], silentMs: 9_000, bootId: 'b1', powersOn: false, deafToNewLife: false },
  takenMs: 0,
}

/** Carries it out; when it was written down, what was rung for, and how it ended. */
async function run(isAway: (ms: number) => 'up' | 'reset' | 'hangs', powersOn = false) {
  const scheduler = new Scheduler()
  const process = new Process(scheduler, new HostClock(scheduler))
  const { clock, timers } = process
  const device = new ScriptedDevice(scheduler, { looks: ['on', 'off'] })
  const startMs = clock.bootMs()
  const reported: { atMs: number; outcome: string; read: ReadMoment; lookedMs: number }[] = []
  let rings = 0
  let on = 0
  let ended = ''
  const store: FenceStore = {
    take: async () => ({ ...task, powersOn }),
    isInForce: async () => true,
    takeOn: async () => null,
    async report(_, devices, read) {
      const way = isAway(scheduler.nowMs)
      if (way === 'hangs') return new Promise(() => {})
      if (way === 'reset') throw new Error('ECONNRESET')
      const { state, askedMs } = devices[0]!.readings.at(-1)!
      // It is taken at the beginning of this process's clock.
      const lookedMs = askedMs - startMs
      reported.push({ atMs: scheduler.nowMs, outcome: state, read, lookedMs })
    },
  }
  const log = { info: () => {}, warn: () => {} }
  const ring = () => void (rings += 1)
  const switchOnLater = async () => {
    if (isAway(scheduler.nowMs) !== 'up') throw new Error('ECONNRESET')
    expect(reported).toEqual([])
    on += 1
  }
  process.do(() => {
    void fenceNode(
      { store, open: () => device, clock, timers, log, ring, switchOnLater },
      task,
    ).then(
      () => (ended = 'done'),
      (error: Error) => (ended = error.message),
    )
  })
  await scheduler.run(600_000, () => {})
  return { device, reported, rings, on, ended }
}

test('what the devices said is written down when the database is back, and nothing is commanded again', async () => {
  for (const how of ['reset', 'hangs'] as const) {
    const { device, reported, rings, ended } = await run((ms) => (ms < 60_000 ? how : 'up'))
    expect(reported).toMatchObject([{ outcome: 'off' }])
    expect(reported[0]!.atMs).toBeLessThan(75_000)
    expect([device.commandedAtMs.length, rings, ended]).toEqual([1, 1, 'done'])
  }
})

test('a report says when the devices were read, however long it took to be written down', async () => {
  for (const backMs of [0, 60_000, 200_000]) {
    const { reported } = await run((ms) => (ms < backMs ? 'reset' : 'up'))
    const [{ atMs, read, lookedMs }] = reported as [(typeof reported)[0]]
    expect(lookedMs).toBeLessThan(5_000)
    expect(read).toEqual({ sinceTakenMs: lookedMs, agoMs: atMs - lookedMs })
    expect(read.agoMs).toBeGreaterThanOrEqual(backMs - 5_000)
  }
})

test('what is to be switched on again is so by a job of its own, ordered before the report: that is written once', async () => {
  for (const backMs of [0, 60_000]) {
    const given = (ms: number) => (ms < backMs ? 'reset' : 'up')
    const { reported, on, ended } = await run(given, true)
    expect([reported.length, on, ended]).toEqual([1, 1, 'done'])
  }
  expect((await run(() => 'up')).on).toBe(0)
})

test('a database that stays away ends the job, which then fails', async () => {
  const { reported, rings, ended } = await run(() => 'reset')
  expect([reported, rings, ended]).toEqual([[], 0, 'ECONNRESET'])
})
