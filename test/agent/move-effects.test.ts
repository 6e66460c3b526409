// From a decision to the driver and back: each effect of a live move reaches the driver of its kind with its own limit, and
// what the driver cannot say for certain stays a doubt.
import { expect, test } from 'vitest'
import type {
  Driver,
  MigrateRequest,
  MigrateResult,
  ReceiveRequest,
} from '../../agent/drivers/driver.ts'
import type { LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { EffectDeps } from '../../agent/lrm/effects.ts'
import { runMove } from '../../agent/lrm/move-effects.ts'

const sid = 'vm:101'
const migrate = {
  kind: 'migrate',
  ...{ sid, generation: 5, marked: 5, uid: 'u1', spec: { a: 1 }, target: 'n2', address: 'n2:6' },
  ...{ timeoutMs: 60_000, untilMs: 1_000 },
} as const
const cancel = { kind: 'cancel-move', sid, generation: 5, uid: 'u1' } as const
const receive = {
  kind: 'receive',
  ...{ sid, generation: 6, spec: { a: 1 }, from: 'n1', untilMs: 1_000 },
} as const

const base = {
  ...{ type: 'vm', survey: async () => [], prepare() {}, detach() {} },
  start: async () => ({ outcome: 'ok', detail: '' }),
  stop: async () => ({ outcome: 'ok', detail: '' }),
} satisfies Driver

async function run(effect: Parameters<typeof runMove>[1], driver: Driver, bootMs = 0) {
  const events: LrmEvent[] = []
  const deps = { clock: { bootMs: () => bootMs }, drivers: [driver] } as unknown as EffectDeps
  await runMove(deps, effect, (event) => events.push(event))
  return events
}

const gone: MigrateResult = { outcome: 'ok', detail: 'there', left: 'nothing' }

test('the source’s driver is asked with its limit, tells its progress, and its answer names the order', async () => {
  const asked: MigrateRequest[] = []
  const progress = { percent: 50, transferredBytes: 1, remainingBytes: 1 }
  const driver: Driver = {
    ...base,
    async migrate(request) {
      asked.push(request)
      request.onProgress(progress)
      return request.mayBegin() ? gone : { outcome: 'error', detail: 'late', left: 'running' }
    },
  }
  expect(await run(migrate, driver, 1_000)).toEqual([
    { kind: 'move-progress', sid, generation: 5, progress },
    { kind: 'migrated', sid, generation: 5, uid: 'u1', ...gone },
  ])
  expect(asked[0]).toMatchObject({
    target: 'n2',
    address: 'n2:6',
    timeoutMs: 60_000,
    spec: { a: 1 },
  })
  expect((await run(migrate, driver, 1_001)).at(-1)).toMatchObject({
    left: 'running',
    detail: 'late',
  })
})

test('the target’s driver listens no later than its limit, and says where', async () => {
  const driver: Driver = {
    ...base,
    receive: async (request: ReceiveRequest) =>
      request.mayBegin()
        ? { outcome: 'ok', detail: '', address: `${request.from} may come` }
        : { outcome: 'error', detail: 'late' },
  }
  const half = { kind: 'receiving', sid, generation: 6 }
  expect(await run(receive, driver)).toEqual([
    { ...half, outcome: 'ok', detail: '', address: 'n1 may come' },
  ])
  expect(await run(receive, driver, 1_001)).toEqual([{ ...half, outcome: 'error', detail: 'late' }])
})

test('a driver that throws leaves a doubt; one that moves nothing live has moved nothing', async () => {
  const broken = async () => {
    throw new Error('no answer from the daemon')
  }
  const driver: Driver = { ...base, migrate: broken, cancel: broken, receive: broken }
  for (const effect of [migrate, cancel])
    expect(await run(effect, driver)).toEqual([
      {
        ...{ kind: 'migrated', sid, generation: 5, uid: 'u1' },
        ...{ outcome: 'error', detail: 'no answer from the daemon', left: 'unknown' },
      },
    ])
  expect((await run(receive, driver))[0]).toMatchObject({ outcome: 'error' })
  for (const effect of [migrate, cancel])
    expect((await run(effect, base))[0]).toMatchObject({ outcome: 'not-live', left: 'running' })
  expect((await run(receive, base))[0]).toMatchObject({ outcome: 'not-live' })
})

test('the target’s driver takes up what was sent no later than its limit; what throws has not arrived', async () => {
  const takeUp = {
    kind: 'take-up',
    ...{ sid, generation: 6, spec: { a: 1 }, from: 'n1', untilMs: 1_000 },
  } as const
  const driver: Driver = {
    ...base,
    takeUp: async (request) =>
      request.mayBegin()
        ? { outcome: 'ok', detail: `from ${request.from}` }
        : { outcome: 'error', detail: 'late' },
  }
  const half = { kind: 'taken-up', sid, generation: 6 }
  expect(await run(takeUp, driver)).toEqual([{ ...half, outcome: 'ok', detail: 'from n1' }])
  expect(await run(takeUp, driver, 1_001)).toEqual([{ ...half, outcome: 'error', detail: 'late' }])
  const broken: Driver = {
    ...base,
    takeUp: async () => {
      throw new Error('no shell')
    },
  }
  expect(await run(takeUp, broken)).toEqual([{ ...half, outcome: 'error', detail: 'no shell' }])
})
