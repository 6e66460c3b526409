// What an agent measures of real processes, and when it tells it.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createControlPlaneClient } from '../../../agent/control-plane-client.ts'
import type { Driver, ServiceReading } from '../../../agent/drivers/driver.ts'
import { createProcessDriver } from '../../../agent/drivers/process/process-driver.ts'
import { createEffects } from '../../../agent/lrm/effects.ts'
import { createUsageMeter, type UsageMeterDeps } from '../../../agent/usage/usage-meter.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'

/** Time that goes on when it is told to. */
function virtualTime() {
  let nowMs = 1_000
  let calls: { atMs: number; call: () => void }[] = []
  return {
    clock: { bootMs: () => nowMs, wallMs: () => nowMs, quickMs: () => nowMs },
    timers: {
      set(call: () => void, ms: number) {
        const timer = { atMs: nowMs + ms, call }
        calls.push(timer)
        return timer
      },
      clear: (timer: object | null) => void (calls = calls.filter((one) => one !== timer)),
    },
    async pass(ms: number) {
      nowMs += ms
      const due = calls.filter((one) => one.atMs <= nowMs)
      calls = calls.filter((one) => one.atMs > nowMs)
      for (const { call } of due) call()
      await new Promise(setImmediate)
    },
    get pending() {
      return calls.length
    },
  }
}

async function metered(more: Partial<UsageMeterDeps> = {}) {
  const time = virtualTime()
  let readings: ServiceReading[] = []
  let host = { ticks: 0, busyTicks: 0, memoryBytes: 0 }
  const driver = { type: 'process', measure: async () => readings } as unknown as Driver
  const { clock, timers } = time
  const readHost = () => host
  const meter = createUsageMeter({ drivers: [driver], clock, timers, cpus: 4, readHost, ...more })
  await time.pass(0) // its first look
  const next = async (services: ServiceReading[], machine = host) => {
    readings = services
    host = machine
    await time.pass(10_000)
    return meter.take()
  }
  return { meter, time, next }
}

const reading = (cpuMs: number, memoryBytes = 100, generation = 1): ServiceReading => ({
  sid: 'process:a',
  generation,
  cpuMs,
  memoryBytes,
})

test('CPU is the time used between two looks, memory what the last one found; each is told once', async () => {
  const { meter, next } = await metered()
  expect(meter.take()).toBeNull() // one look is none to compare with
  await next([reading(1_000)], { ticks: 4_000, busyTicks: 1_000, memoryBytes: 5 })
  const machine = { ticks: 8_000, busyTicks: 2_000, memoryBytes: 6 }
  expect(await next([reading(6_000, 300)], machine)).toEqual({
    node: { cpus: 1, memoryBytes: 6 }, // a quarter of four CPUs
    services: [{ sid: 'process:a', cpus: 0.5, memoryBytes: 300 }], // 5 s in 10 s
  })
  expect(meter.take()).toBeNull()
})

test('a generation that was not there at the last look has no rate yet, and time is never negative', async () => {
  const { next } = await metered()
  await next([reading(9_000)])
  expect((await next([reading(50, 100, 2)]))?.services).toEqual([])
  expect((await next([reading(10, 100, 2)]))?.services).toMatchObject([{ cpus: 0 }])
})

test('a virtual node uses what its services use', async () => {
  const { next } = await metered({ readHost: null })
  await next([reading(0)])
  expect((await next([reading(2_000, 700)]))?.node).toEqual({ cpus: 0.2, memoryBytes: 700 })
})

test('a look that fails is left out, and the next two count again; once ended nothing is looked at', async () => {
  let fails = false
  const readHost = () => {
    if (fails) throw new Error('no /proc')
    return { ticks: 1, busyTicks: 0, memoryBytes: 1 }
  }
  const { meter, next, time } = await metered({ readHost })
  await next([])
  fails = true
  expect(await next([])).toBeNull()
  fails = false
  expect(await next([])).toBeNull()
  expect(await next([])).not.toBeNull()
  meter.end()
  expect(time.pending).toBe(0)
})

let home: string
const servers: Server[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-usage-'))
})
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections()
  rmSync(home, { recursive: true, force: true })
})

test('a service is charged with what its processes use, its children too, and no other service’s', async () => {
  const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
  const events = { exited: () => {} }
  const driver = createProcessDriver({
    ...{ home, owner, node: 'n1', bootId: 'b', clock: systemClock(), events },
  })
  const start = (sid: string, script: string) =>
    driver.start({
      sid,
      generation: 1,
      spec: { command: ['/bin/sh', '-c', script] },
      mayStart: () => true,
    })
  try {
    await start('process:idle', 'exec sleep 100')
    await start('process:busy', '(while :; do :; done) & wait')
    await vi.waitFor(
      async () => {
        const readings = await driver.measure!()
        const [busy, idle] = ['busy', 'idle'].map(
          (name) => readings.find((one) => one.sid === `process:${name}`)!,
        )
        expect(busy!.cpuMs).toBeGreaterThan(200)
        expect(idle!.cpuMs).toBeLessThan(100)
        expect(busy!.memoryBytes).toBeGreaterThan(100_000)
        expect(idle!.memoryBytes).toBeGreaterThan(100_000)
        expect(idle!.generation).toBe(1)
      },
      { timeout: 15_000, interval: 100 },
    )
    await driver.stop('process:idle', 0)
    expect((await driver.measure!()).map((one) => one.sid)).toEqual(['process:busy'])
  } finally {
    await Promise.all(['idle', 'busy'].map((name) => driver.stop(`process:${name}`, 0)))
    driver.detach()
  }
})

test('usage goes with the renewal it is measured for; a plane that refuses it gets the next one without', async () => {
  const bodies: Record<string, unknown>[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part))
    request.on('end', () => {
      bodies.push(JSON.parse(text) as Record<string, unknown>)
      const problem = { code: 'invalid', title: 'invalid', status: 400, detail: 'usage: unknown' }
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(problem))
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createControlPlaneClient({ urls: [url], credential: 'x', random: systemRandom() })
  const { meter, time } = await metered()
  await time.pass(10_000)
  const told: unknown[] = []
  const run = createEffects(
    { client, meter, drivers: [] } as never,
    (event) => void told.push(event),
  )
  for (const seq of [1, 2]) {
    run({ kind: 'renew', request: { seq } as never, timeoutMs: 2_000 })
    await vi.waitFor(() => expect(told).toHaveLength(seq))
    await time.pass(10_000)
  }
  expect(bodies.map((body) => 'usage' in body)).toEqual([true, false])
  await client.close()
})
