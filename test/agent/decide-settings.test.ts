// What a cluster has set counts also for an agent process that comes back while the plane is not to be reached.
import { beforeEach, describe, expect, test } from 'vitest'
import { firstSettings } from '../../agent/lrm/decide/resume.ts'
import { World } from './world.ts'

const sids = ['process:a', 'process:b', 'process:c']
const stops = () => world.done.filter(({ kind }) => kind === 'stop')
let world: World

/** It runs three services, and then the operator changes the settings. Nothing else happens after that. */
beforeEach(() => {
  world = new World()
  world.run1s()
  for (const sid of sids) world.plane.grant(sid)
  world.run1s()
  expect([...world.host.keys()].sort()).toEqual(sids)
  world.plane.settings = { onLeaseLoss: 'reset', shutdownPolicy: 'freeze', maxWorkers: 1 }
  world.plane.revision++
  world.run1s()
})

/** It knows nothing of the plane's orders, and hears nothing. */
function comeBackCutOff(): void {
  world.crash()
  world.done = []
  world.cut(500)
  expect(world.lrm.desired).toBeNull()
}

describe('an agent that comes back without the plane', () => {
  test('leaves everything to the watchdog when its lease runs out, where the cluster says reset', () => {
    const { boot } = world
    comeBackCutOff()
    world.cut(8_000)
    expect(stops()).toEqual([])
    expect(world.boot).toBe(boot + 1)
    expect(world.breaches).toEqual([])
  })

  test('goes down by the policy of the cluster', () => {
    comeBackCutOff()
    world.decide([{ kind: 'signal', signal: 'shutdown' }])
    expect(world.lrm.ending?.way).toBe('freeze')
  })

  test('stops no more at once than the cluster allows when its machine goes down', () => {
    comeBackCutOff()
    world.decide([{ kind: 'signal', signal: 'shutdown' }])
    expect(stops()).toHaveLength(1)
  })

  test('knows them after a reboot, too, and has written them down anew', () => {
    world.reset()
    world.cut(500)
    expect(world.disk.journal?.bootId).toBe(world.bootId)
    expect(world.disk.journal?.settings).toEqual(world.plane.settings)
    expect(world.lrm.settings).toEqual(world.plane.settings)
  })
})

test('settings are written down when they change, and only then', () => {
  const writes = () => world.done.filter(({ kind }) => kind === 'write-journal')
  world.done = []
  world.plane.revision++
  world.run1s()
  expect(writes()).toEqual([])
  world.plane.settings = { ...firstSettings }
  world.plane.revision++
  world.run1s()
  expect(writes()).toHaveLength(1)
})
