// What an operator may ask for a service: each request is done once, or refused with a reason, and is never lost.
import { expect, test } from 'vitest'
import { testSite } from './site.ts'
import { waitFor } from './wait.ts'

const site = testSite({ nodes: 2 })
const sid = 'process:a'
const other = (name: string | null) => (name === 'n1' ? 'n2' : 'n1')

test.each(['relocate', 'migrate'] as const)(
  '%s stops it here and starts it there, under a new grant',
  async (operation) => {
    if (!(await site.operator.status()).services.length) await site.addService('a')
    const { node, generation } = await site.running(sid)
    const before = site.witness(sid).runs.length
    const target = other(node)
    const command = await site.operator.operate(sid, operation, { node: target })
    expect(command).toMatchObject({ status: 'done' })
    const moved = await site.running(sid, (name) => name === target)
    expect(moved.generation).toBeGreaterThan(generation as number)
    const runs = site.witness(sid).runs.slice(before - 1)
    expect(runs.map((run) => run.stopped)).toEqual([true, false])
    expect(site.lastRanOn(sid)).toBe(target)
  },
)

test('restart stops and starts it once on its node, under the same grant', async () => {
  const { node, generation } = await site.running(sid)
  const before = site.witness(sid).runs.length
  expect(await site.operator.operate(sid, 'restart')).toMatchObject({ status: 'done' })
  await waitFor(() => site.witness(sid).runs.length === before + 1, { what: 'the second run' })
  expect(await site.running(sid)).toMatchObject({ node, generation })
  const [first, second] = site.witness(sid).runs.slice(-2)
  expect([first?.stopped, first?.boot]).toEqual([true, second?.boot])
})

test('a relocation for a later time is shown until then, and happens then by itself', async () => {
  const { node } = await site.running(sid)
  const target = other(node)
  const at = new Date(Date.now() + 3_000).toISOString()
  await site.operator.post(`/services/${sid}/relocate`, { node: target, at })
  const { jobs } = await site.operator.status()
  expect(jobs).toContainEqual({
    job: 'relocate-service',
    about: `${sid} to ${target}`,
    startAfter: at,
  })
  await site.running(sid, (name) => name === target)
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(at))
})

test('stop ends it and start brings it back', async () => {
  const before = site.witness(sid).runs.length
  expect(await site.operator.operate(sid, 'stop')).toMatchObject({ status: 'done' })
  expect(site.witness(sid).runs.at(-1)?.stopped).toBe(true)
  const stopped = await site.operator.service(sid)
  expect(stopped).toMatchObject({ state: 'stopped', running: false, generation: null })
  expect(await site.operator.operate(sid, 'start')).toMatchObject({ status: 'done' })
  await site.running(sid)
  expect(site.witness(sid).runs).toHaveLength(before + 1)
})

test('a service that does not stop is killed at the timeout of the stop, and then verified', async () => {
  const stubborn = await site.addService('stubborn', { ignoreTerm: true, stopTimeoutMs: 60_000 })
  await site.running(stubborn)
  await waitFor(() => site.witness(stubborn).runs.length === 1, { what: 'its first line' })
  const askedMs = performance.now()
  const command = await site.operator.operate(stubborn, 'stop', { timeoutMs: 500 })
  const tookMs = performance.now() - askedMs
  expect(command).toMatchObject({ status: 'done' })
  expect(tookMs).toBeGreaterThan(450)
  expect(tookMs).toBeLessThan(5_000)
  const [run] = site.witness(stubborn).runs
  expect(run?.stopped).toBe(false)
  expect(() => process.kill(run?.pid as number, 0)).toThrow('ESRCH')
})

test('removed it is left running under its grant, and added again it is adopted, not started (S18)', async () => {
  const { node, generation } = await site.running(sid)
  const before = site.witness(sid).runs
  expect(await site.operator.remove(sid)).toMatchObject({ status: 'done' })
  const [run] = before.slice(-1)
  await waitFor(() => (site.witness(sid).runs.at(-1)?.lastMs ?? 0) > (run?.lastMs ?? 0) + 500, {
    what: 'it to run on',
  })
  await site.addService('a')
  expect(await site.running(sid)).toMatchObject({ node, generation })
  expect(site.witness(sid).runs).toHaveLength(before.length)
  expect(site.witness(sid).runs.at(-1)?.stopped).toBe(false)
})

test('disabled it is stopped, and enabled it runs again', async () => {
  expect(await site.operator.operate(sid, 'disable')).toMatchObject({ status: 'done' })
  expect(await site.operator.service(sid)).toMatchObject({ state: 'disabled', running: false })
  expect(await site.operator.operate(sid, 'enable')).toMatchObject({ status: 'done' })
  await site.running(sid)
})
