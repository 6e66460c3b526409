// A fenced machine is switched on again only once its death is on record, and only while that is still wanted; what fails is
// tried again, by a job of its own.
import { expect, test } from 'vitest'
import type { FenceDevice } from '../../control-plane/fence/fence-device.ts'
import { FenceFault } from '../../control-plane/fence/fence-device.ts'
import type { StoredDevice, SwitchOnTask } from '../../control-plane/fence/fence-store.ts'
import { switchOnNode } from '../../control-plane/fence/switch-on.ts'
import { HostClock, Process } from '../sim/process.ts'
import { Scheduler } from '../sim/scheduler.ts'
import { uuid } from './scripted-device.ts'

const devices = ['feed1', 'feed2'].map(
  (name): StoredDevice => ({
    ...{ name, kind: 'redfish', uid: name, expects: { uuid, serial: null } },
    ...{ options: {}, secret: null },
  }),
)

/** One attempt: which feeds were switched on, what was logged, and why it is to be tried again. */
async function attempt(
  task: SwitchOnTask | null,
  given: {
    slowMs?: number
    powerOn?: (feed: string) => Promise<void>
    look?: (feed: string) => Promise<void>
    /** Which machine a feed speaks of. */
    says?: (feed: string) => string
    /** What is found once they were looked at. */
    later?: SwitchOnTask | null
  } = {},
) {
  const scheduler = new Scheduler()
  const process = new Process(scheduler, new HostClock(scheduler))
  const { clock, timers } = process
  const on: string[] = []
  const told: string[] = []
  let failure: string | null = null
  const open = ({ name }: StoredDevice): FenceDevice => ({
    async look() {
      await given.look?.(name)
      const says = given.says?.(name) ?? uuid
      return { state: 'off', identity: { uuid: says, serial: null } }
    },
    powerOff: () => Promise.reject(new Error('nobody switches off')),
    async powerOn() {
      await given.powerOn?.(name)
      on.push(name)
    },
  })
  let asked = 0
  const takeOn = () =>
    new Promise<SwitchOnTask | null>((resolve) => {
      asked += 1
      const found = asked > 1 && given.later !== undefined ? given.later : task
      scheduler.after(given.slowMs ?? 0, () => resolve(found))
    })
  const log = { info: (_: object, text: string) => void told.push(text), warn: () => {} }
  const name = { clusterId: 1, node: 'n3', epoch: 3, order: 'o1' }
  process.do(() => {
    const deps = { store: { takeOn }, open, clock, timers, log: log as never }
    void switchOnNode(deps, name).catch((error: Error) => {
      failure = error.message
    })
  })
  await scheduler.run(60_000, () => {})
  return { on, told, failure }
}

test('every feed is switched on, once its being off is needed by nobody', async () => {
  const { on, told, failure } = await attempt({ devices, isSettled: true })
  expect([on, failure]).toEqual([['feed1', 'feed2'], null])
  expect(told).toEqual(['a fenced node is switched on again'])
})

test('what nobody has taken for proof yet stays off, and is asked about again', async () => {
  const { on, failure } = await attempt({ devices, isSettled: false })
  expect([on, failure]).toEqual([[], 'its death is not on record'])
})

test('what nobody wants on any more stays as it is, for good', async () => {
  const { on, told, failure } = await attempt(null)
  expect([on, failure]).toEqual([[], null])
  expect(told[0]).toContain('not wanted any more')
})

test('what may have been fenced anew meanwhile stays off, and is asked about again', async () => {
  const { on, failure } = await attempt({ devices, isSettled: true }, { slowMs: 3_000 })
  expect([on, failure]).toEqual([[], 'its turn came too late'])
})

test('a feed that fails, or hangs, keeps no other off, and is tried again', async () => {
  const refuses = async (feed: string) => {
    if (feed === 'feed1') throw new FenceFault('it refuses')
  }
  const failed = await attempt({ devices, isSettled: true }, { powerOn: refuses })
  expect(failed).toMatchObject({ on: ['feed2'], failure: 'feed1: it refuses' })
  const hangs = async (feed: string) => {
    if (feed === 'feed1') await new Promise(() => {})
  }
  const hung = await attempt({ devices, isSettled: true }, { powerOn: hangs })
  expect(hung).toMatchObject({ on: ['feed2'], failure: 'feed1: it does not answer within 15 s' })
})

test('a feed that speaks of another machine, or does not say of which, is not switched on', async () => {
  const other = '99999999-2222-4333-8444-555555555555'
  const says = (feed: string) => (feed === 'feed1' ? other : uuid)
  const plugged = await attempt({ devices, isSettled: true }, { says })
  expect(plugged.on).toEqual(['feed2'])
  expect(plugged.failure).toContain(`feed1: it speaks of another machine (uuid ${other}`)
  const look = async (feed: string) => {
    if (feed === 'feed1') await new Promise(() => {})
  }
  const dark = await attempt({ devices, isSettled: true }, { look })
  expect(dark).toMatchObject({ on: ['feed2'], failure: 'feed1: it does not answer within 10 s' })
})

test('what changes while its feeds are looked at is not overlooked', async () => {
  const due = { devices, isSettled: true }
  expect(await attempt(due, { later: null })).toMatchObject({ on: [], failure: null })
  const unsettled = await attempt(due, { later: { devices, isSettled: false } })
  expect(unsettled).toMatchObject({ on: [], failure: 'its death is not on record' })
  const anew = devices.map((device) => ({ ...device, uid: `${device.uid}, anew` }))
  const setUp = await attempt(due, { later: { devices: anew, isSettled: true } })
  expect(setUp).toMatchObject({ on: [] })
  expect(setUp.failure).toContain('set up anew')
})
