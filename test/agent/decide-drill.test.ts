// A drill as the agent decides it: on an empty node alone, on disk before the last feed, and nothing after that but beats.
import { expect, test } from 'vitest'
import { World } from './world.ts'

const kinds = (world: World) => world.done.map(({ kind }) => kind)

/** A node that has run something, was emptied, and is told to begin. */
function emptied(): World {
  const world = new World()
  world.run1s()
  world.plane.grant('process:a')
  world.run1s(2)
  expect(world.host.size).toBe(1)
  world.plane.order('process:a', 'request_stop')
  world.run1s(2)
  world.plane.drop('process:a')
  world.plane.orderDrill()
  return world
}

test('an empty node journals it, arms for the last time, beats until it is reset, and begins it once', () => {
  const world = emptied()
  const { boot } = world
  world.done = []
  world.run1s(6)
  expect(world.boot).toBe(boot + 1)
  const done = kinds(world)
  const armedAt = world.done.findIndex((effect) => effect.kind === 'arm' && effect.drill)
  expect(armedAt).toBeGreaterThan(done.indexOf('write-journal'))
  // W is 3 s, and a beat comes every 100 ms.
  expect(world.drills.beats).toBeGreaterThanOrEqual(28)
  expect(world.done.filter((effect) => effect.kind === 'arm' && effect.drill)).toHaveLength(1)
  expect(world.drills.ended).toEqual([])
  expect(world.breaches).toEqual([])
  // It is a node as any other afterwards.
  world.plane.endMaintenance()
  world.plane.grant('process:a')
  world.run1s(3)
  expect(world.host.has('process:a')).toBe(true)
})

test('a node that runs something, holds a grant or is not in maintenance does not begin it', () => {
  const world = new World()
  world.run1s()
  world.plane.grant('process:a')
  world.run1s(2)
  Object.assign(world.plane, { mode: 'maintenance', drill: 'd1' })
  world.plane.revision++
  world.run1s(5)
  expect(world.lrm.journal.drill).toBeUndefined()
  world.plane.order('process:a', 'request_stop')
  world.plane.mode = 'active'
  world.run1s(5)
  expect(world.lrm.journal.drill).toBeUndefined()
  expect([world.boot, world.breaches]).toEqual([1, []])
})

test('what is granted in the midst of it is not confirmed, nor by the process that comes next', () => {
  const world = emptied()
  while (!world.device.open || world.lrm.drill?.phase !== 'unfed') world.run1s()
  const { boot } = world
  world.plane.endMaintenance()
  world.plane.grant('process:b')
  world.settle()
  world.pass(200)
  world.settle()
  world.crash()
  world.run1s()
  expect(world.boot).toBe(boot)
  expect(world.host.size).toBe(0)
  expect(kinds(world)).toContain('interrupt-drill')
  world.run1s(3)
  expect(world.boot).toBe(boot + 1)
  world.plane.grant('process:b')
  world.run1s(3)
  expect(world.host.has('process:b')).toBe(true)
  expect(world.breaches).toEqual([])
})

test('nothing is left unfed before the disk knows of it', () => {
  const world = emptied()
  const isDrillArm = () => world.done.some((effect) => effect.kind === 'arm' && effect.drill)
  for (let i = 0; i < 20; i++) {
    world.settleBut(['write-journal'])
    world.pass(100)
  }
  expect(world.lrm.drill?.phase).toBe('writing')
  expect(isDrillArm()).toBe(false)
  world.run1s(0.2)
  expect(isDrillArm()).toBe(true)
  expect(world.breaches).toEqual([])
})

test.each([
  ['taken back', (world: World) => world.plane.endMaintenance()],
  [
    'its agent is told to end',
    (world: World) => void world.decide([{ kind: 'signal', signal: 'restart' }]),
  ],
  ['something is granted to it', (world: World) => void world.plane.grant('process:b')],
])('what waits for its disk is over when it is not to be any more: %s', (_, change) => {
  const world = emptied()
  for (let i = 0; i < 20; i++) {
    world.settleBut(['write-journal'])
    world.pass(100)
  }
  expect(world.lrm.drill?.phase).toBe('writing')
  change(world)
  for (let i = 0; i < 20; i++) {
    world.settleBut(['write-journal'])
    world.pass(100)
  }
  expect(world.drills.ended).toMatchObject([{ outcome: 'not-armed' }])
  world.run1s(20)
  expect(world.done.some((effect) => effect.kind === 'arm' && effect.drill)).toBe(false)
  expect([world.boot, world.breaches]).toEqual([1, []])
})

test('what comes to run there in the midst of it is not confirmed either', () => {
  const world = emptied()
  while (!world.device.open || world.lrm.drill?.phase !== 'unfed') world.run1s(0.1)
  world.plane.endMaintenance()
  const { generation } = world.plane.grant('process:b')
  world.host.set('process:b', generation!)
  world.lrm = { ...world.lrm, survey: { ...world.lrm.survey, dueMs: world.nowMs } }
  world.done = []
  world.run1s(1)
  expect(world.lrm.services['process:b']?.phase).toBe('running')
  const renewed = world.done.flatMap((effect) => (effect.kind === 'renew' ? [effect] : []))
  expect(renewed.length).toBeGreaterThan(0)
  expect(renewed.flatMap(({ request }) => request.confirms)).toEqual([])
  expect(world.breaches).toEqual([])
})

test('a device that does not fire within four times W is closed, and its boot starts nothing any more', () => {
  const world = emptied()
  world.isDeviceDead = true
  world.run1s(16)
  expect(world.drills.ended).toMatchObject([{ outcome: 'did-not-fire' }])
  expect(world.device.running).toBe(false)
  expect(world.lrm.watchdog).toMatchObject({ class: 'none', open: false })
  world.plane.endMaintenance()
  world.plane.grant('process:a')
  world.run1s(5)
  expect([world.host.size, world.boot, world.breaches]).toEqual([0, 1, []])
})

test('a drill that cannot be written down is over, and the node goes on as it was', () => {
  const world = emptied()
  world.isDrillDiskFull = true
  world.run1s(5)
  expect(world.drills.ended).toMatchObject([{ outcome: 'not-armed', detail: 'ENOSPC' }])
  expect(world.lrm.journal.drill).toMatchObject({ state: 'over' })
  world.plane.endMaintenance()
  world.plane.grant('process:a')
  world.run1s(3)
  expect([world.host.has('process:a'), world.boot, world.breaches]).toEqual([true, 1, []])
})
