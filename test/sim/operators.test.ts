// Simulated operators ask the production routes: what is wrong with a request is told and changes nothing, and an answer that
// is lost does no harm.
import { expect, test } from 'vitest'
import { haveHabits } from './habits.ts'
import { anyMistake, faultIn } from './mistakes.ts'
import { answerOf } from './operator.ts'
import { Chance } from './random.ts'
import { newService } from './random-wishes.ts'
import { changedParts } from './unchanged.ts'
import { createWorld, type World } from './world.ts'

const sids = ['process:a', 'process:b', 'vm:c']
const nodes = ['n1', 'n2', 'n3']

async function site(): Promise<World> {
  const world = createWorld({
    nodes: nodes.map((name) => ({ name, drivers: ['process', 'vm'] })),
    seed: 'operators',
  })
  await world.run(4_000)
  for (const sid of sids)
    expect(await world.operator.add(newService(sid))).toEqual({ accepted: true })
  await world.operator.group({
    ...{ name: 'red', nodes: { n1: 1, n2: 1 }, restricted: false, nofailback: false },
  })
  await world.run(10_000)
  expect(Object.keys(world.running()).sort()).toEqual(sids)
  return world
}

test('what is no request is refused, naming the field, and changes nothing', async () => {
  const world = await site()
  const chance = new Chance('mistakes')
  const seen = new Set<number>()
  for (let count = 0; count < 400; count++) {
    const mistake = anyMistake({ sids, nodes }, chance)
    const before = world.database.memory.cluster(1)
    const reply = await world.operator.ask(mistake.by, mistake.request)
    expect(faultIn(mistake, reply!)).toBeNull()
    expect(changedParts(before, world.database.memory.cluster(1)), mistake.what).toEqual([])
    seen.add(reply!.status)
  }
  expect([...seen].sort((a, b) => a - b)).toEqual([400, 401, 403, 404, 405, 412, 415, 422])
  expect(world.checks.violations).toEqual([])
})

test('a dry run says what would be, and changes nothing', async () => {
  const world = await site()
  const { operator } = world
  const before = world.database.memory.cluster(1)
  const request = { method: 'POST' as const, path: '/services/process:a/stop?dryRun=true' }
  const reply = await operator.ask('curious', request)
  expect(reply).toMatchObject({ status: 200, body: { dryRun: true, would: { status: 202 } } })
  expect((reply!.body as { changes: string[] }).changes.join()).toContain('process:a')
  expect(world.database.memory.cluster(1)).toBe(before)
})

test('of a wish whose answer is lost nobody knows, and it is done once', async () => {
  const world = await site()
  const { operator, link } = world.remote
  link.cut('down')
  const asked = operator.add(newService('process:late'))
  await world.run(20_000)
  expect(await asked).toEqual({ accepted: false, refusal: 'no answer' })
  link.heal()
  const again = operator.add(newService('process:late'))
  await world.run(5_000)
  expect(await again).toEqual({ accepted: false, refusal: 'already-exists', status: 409 })
  expect(world.running()['process:late']).toBeDefined()
  expect(world.checks.violations).toEqual([])
})

test('who names a version overwrites nothing that came after it', async () => {
  const world = await site()
  const { operator } = world
  const path = '/services/process:a'
  const seen = await operator.ask('viewer', { method: 'GET', path })
  await operator.update('process:a', { comment: 'another' })
  const headers = { 'if-match': seen!.etag! }
  const body = { comment: 'mine' }
  const mine = await operator.ask('admin', { method: 'PATCH', path, headers, body })
  expect(answerOf(mine)).toMatchObject({ accepted: false, refusal: 'version-conflict' })
  const now = await operator.ask('viewer', { method: 'GET', path })
  expect(now!.body).toMatchObject({ comment: 'another' })
})

test('what operators do is under their names in the audit log', async () => {
  const world = await site()
  haveHabits(world.operator, new Chance('habits'))
  for (let count = 0; count < 40; count++)
    await world.operator.update('process:b', { comment: `number ${count}` })
  const { operators } = world.database.memory.cluster(1)
  const writers = new Set(operators.audit.map(({ actor }) => actor.split(' ')[0]))
  expect([...writers]).toEqual(['admin'])
  const reached = (await world.operator.ask('viewer', {
    method: 'GET',
    path: '/services/process:b',
  }))!
  const done = operators.audit.filter(
    ({ method, path }) => method === 'PATCH' && path.endsWith('/process:b'),
  )
  expect(reached.body).toMatchObject({ version: 1 + done.length })
})
