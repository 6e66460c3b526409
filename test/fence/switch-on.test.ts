// A fenced machine is switched on again only once its death is on record, and not when that was long ago.
import { expect, test } from 'vitest'
import { switchOn } from '../../control-plane/fence/switch-on.ts'
import { HostClock, Process } from '../sim/process.ts'
import { Scheduler } from '../sim/scheduler.ts'

async function run(isSettledAt: (ms: number) => boolean, slowMs = 0) {
  const scheduler = new Scheduler()
  const process = new Process(scheduler, new HostClock(scheduler))
  const { clock, timers } = process
  const onMs: number[] = []
  let told = ''
  const device = (feed: string) => ({
    view: { name: feed, kind: 'redfish', uid: feed, expects: { uuid: 'u', serial: null } },
    device: {
      look: () => Promise.reject(new Error('nobody looks')),
      powerOff: () => Promise.reject(new Error('nobody switches off')),
      powerOn: async () => void onMs.push(scheduler.nowMs),
    },
  })
  const isSettled = () =>
    new Promise<boolean>((resolve) => {
      scheduler.after(slowMs, () => resolve(isSettledAt(scheduler.nowMs)))
    })
  process.do(() => {
    void switchOn([device('bmc'), device('feed2')], { clock, timers, isSettled }).then((text) => {
      told = text
    })
  })
  await scheduler.run(120_000, () => {})
  return { onMs, told }
}

test('it waits for the proof to be on record, then every feed is switched on', async () => {
  const { onMs, told } = await run((ms) => ms >= 4_500)
  expect(onMs).toHaveLength(2)
  expect(onMs[0]).toBeGreaterThanOrEqual(4_500)
  expect(onMs[1]).toBeLessThan(10_000)
  expect(told).toBe('a fenced node is switched on again')
})

test('what nobody took for proof stays off', async () => {
  const { onMs, told } = await run(() => false)
  expect(onMs).toEqual([])
  expect(told).toContain('nobody took its being off for proof')
})

test('what may have been fenced anew meanwhile stays off', async () => {
  expect((await run((ms) => ms < 1_000, 600)).onMs).toEqual([])
  expect((await run(() => true, 3_000)).told).toContain('its turn came too late')
})
