// The simulator itself: production code in virtual time runs services, recovers them, and does so alike each time.
import { expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

const sids = ['process:a', 'process:b', 'process:c']

function site(seed: string): World {
  const world = createWorld({ nodes: ['n1', 'n2', 'n3'], seed })
  world.at(4_000, () => {
    for (const sid of sids) void world.operator.add({ sid, spec: { command: ['x'] } })
  })
  return world
}

test('a healthy site starts every service once, and loses none when a machine loses power', async () => {
  const world = site('healthy')
  const actions: string[] = []
  world.onAction.push(({ action, sid, outcome }) => actions.push(`${action} ${sid} ${outcome}`))
  await world.run(10_000)
  expect(Object.keys(world.running()).sort()).toEqual(sids)
  expect(actions.sort()).toEqual(sids.map((sid) => `start ${sid} ok`))
  const lost = Object.values(world.running())[0]!
  world.node(lost).powerOff('test')
  await world.run(30_000)
  expect(Object.keys(world.running())).toHaveLength(2)
  await world.run(60_000)
  expect(Object.keys(world.running()).sort()).toEqual(sids)
  expect(Object.values(world.running())).not.toContain(lost)
  expect(world.checks.violations).toEqual([])
})

test('equal seeds give equal traces, other seeds others', async () => {
  const hashes: string[] = []
  for (const seed of ['one', 'one', 'two']) {
    const world = site(seed)
    world.at(20_000, () => world.node('n1').link.cut())
    await world.run(90_000)
    hashes.push(world.trace.hash())
  }
  expect(hashes[0]).toBe(hashes[1])
  expect(hashes[0]).not.toBe(hashes[2])
})

test('a start that nobody granted is seen', async () => {
  const world = site('rogue')
  world.at(20_000, () => world.node('n1').guests.start('process:rogue', 1, 10, 'running'))
  await world.run(30_000)
  expect(world.checks.violations.map(({ what }) => what)).toEqual([
    'process:rogue starts on n1 as generation 1; the grant says null',
  ])
})

test('a service that runs twice is seen', async () => {
  const world = site('twice')
  world.at(20_000, () => {
    const { generation } = world.operator.view().services['process:a']!.grant!
    const free = world.machines.find((one) => !one.guests.running.has('process:a'))!
    free.guests.start('process:a', generation, 10, 'running')
  })
  await world.run(30_000)
  expect(world.checks.violations.map(({ what }) => what)).toContainEqual(
    expect.stringMatching(/^process:a runs on n\d and on n\d$/),
  )
})
