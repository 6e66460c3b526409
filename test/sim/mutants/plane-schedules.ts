// Schedules in which a rule of the plane is all that keeps a second copy off.
import { profiles } from '../../../shared/timing.ts'
import { newService } from '../random-wishes.ts'
import type { World } from '../world.ts'
import type { Schedule } from './schedules.ts'
import {
  leaseOf,
  loseJournal,
  once,
  otherThan,
  refuseRenewals,
  site,
  until,
  web,
  whenLeased,
} from './stage.ts'

export const planeSchedules: Schedule[] = [
  {
    name: 'S17b',
    what: 'one of the services of a node is stopped',
    async play() {
      const { world, node } = await site()
      const sids = ['process:a', 'process:b', 'process:c']
      for (const sid of sids) void world.operator.add(newService(sid))
      await world.run(10_000)
      const other = sids.find((sid) => node.guests.running.has(sid))!
      void world.operator.command('stop', other)
      await world.run(20_000)
      return world
    },
  },
  {
    name: 'S18a',
    what: 'a service that takes its time to stop is moved',
    async play() {
      const { world, node } = await site()
      world.behaviours.scripts.set(web, { stopMs: 5_000 })
      const target = otherThan(world, node)
      void world.operator.command('relocate', web, target.name)
      await world.run(20_000)
      return world
    },
  },
  {
    name: 'M1',
    what: 'a node that was silent confirms and starts what it was given, between the reading of the round that fences it and its saving',
    play: playStaleView,
  },
  {
    name: 'gap',
    what: 'a node renews once between two long cuts, and what it runs does not stop before its reset',
    async play() {
      const { world, node } = await site()
      node.link.cut()
      node.guests.stuck.add(web)
      await world.run(26_000)
      node.link.heal()
      whenLeased(world, node, () => node.link.cut())
      await world.run(100_000)
      return world
    },
  },
  {
    name: 'S11',
    what: 'the lease is shortened; the answers by which a node would hear of it are lost',
    async play() {
      const { world, node } = await site()
      node.link.deafTo = '/agent/v1/lease'
      void world.operator.settings({ profile: 'fast' })
      await world.run(4_000)
      node.link.cut()
      await world.run(80_000)
      return world
    },
  },
  {
    name: 'S12-old-epoch',
    what: 'an armed renewal of before a release arrives when the same boot has just got its next epoch',
    async play() {
      const { world, node, confirm } = await site()
      let isSeen = false
      world.onChange.push(({ change }) => {
        if (change.kind !== 'lease.opened' || change.node !== node.name || isSeen) return
        isSeen = true
        node.link.cut()
        world.at(world.nowMs + 1, confirm)
      })
      node.signal('restart')
      await world.run(120_000)
      return world
    },
  },
  {
    name: 'S12',
    what: 'an armed renewal of before a disarm arrives after the arm that its node does not hear of',
    async play() {
      const { world, node, confirm } = await site()
      void world.operator.disarm('freeze')
      await world.run(10_000)
      node.link.cut()
      void world.operator.arm()
      world.at(world.nowMs + 2_000, confirm)
      await world.run(120_000)
      return world
    },
  },
  {
    name: 'D8',
    what: 'a node that has let go of its watchdog does not hear of the arm',
    async play() {
      const { world, node } = await site()
      void world.operator.disarm('ignore')
      await world.run(10_000)
      node.link.cut()
      void world.operator.arm()
      await world.run(120_000)
      return world
    },
  },
  {
    name: 'let-go',
    what: 'a node that has just been let go of its watchdog does not hear of the arm',
    async play() {
      const { world, node } = await site()
      void world.operator.disarm('ignore')
      await until(world, () => leaseOf(world, node).releasedMs !== null)
      await until(world, () => !node.device.isRunning)
      node.link.cut()
      void world.operator.arm()
      await world.run(120_000)
      return world
    },
  },
  {
    name: 'S7a',
    what: 'the clock of the database steps forward while a node that runs something is cut off for a moment',
    async play() {
      const { world, node } = await site()
      node.link.cut()
      world.database.step(90_000)
      await world.run(20_000)
      node.link.heal()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'S5a',
    what: 'a failover loses the grant under which a node runs what another ran before, and that node is cut off',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      await world.run(5_000)
      const beforeMs = world.nowMs
      void world.operator.command('relocate', web, other.name)
      once(
        world,
        () => other.guests.running.has(web),
        () => {
          other.link.cut()
          world.database.failOver(500, world.nowMs - beforeMs + 1)
        },
      )
      await world.run(100_000)
      return world
    },
  },
  {
    name: 'S3 S17a',
    what: 'an agent that has lost its journal gets an epoch in the same boot, and is cut off after the old deadline',
    async play() {
      const { world, node } = await site()
      loseJournal(node)
      await world.run(80_000)
      node.link.cut()
      await world.run(25_000)
      return world
    },
  },
]

/**
 * It was armed when it was last heard, and has closed its empty device since, which nobody heard.
 * @param elected the replica that is expected to run the round; the other one serves the node
 */
async function playStaleView(elected = 0): Promise<World> {
  const timing = { ...profiles.default, renewMs: 200 }
  const { world, node } = await site({ settings: { profile: 'custom', timing } })
  const other = otherThan(world, node)
  node.link.latencyMs = [20, 20]
  void world.operator.command('relocate', web, other.name)
  once(
    world,
    () => !node.device.isRunning,
    () => {
      node.link.cut()
      void world.operator.command('relocate', web, node.name)
    },
  )
  await world.run(20_000)
  const renewals = refuseRenewals(world, node)
  node.link.latencyMs = [1, 1]
  node.link.heal()
  const { memory } = world.database
  let isIt = false
  const { view } = Object.values(memory.cluster(1).nodes).find(
    (one) => one.view.name === node.name,
  )!
  world.at(world.nowMs + view.lease.leaseUntilMs - memory.now(), () => {
    world.database.latencyMs = [10, 10]
    // One that has begun already may have read the lease as not over yet.
    const whenOver = (act: () => void) => once(world, () => !memory.isElected(1), act)
    whenOver(() => once(world, () => memory.isElected(1), pauseElected))
  })
  const pauseElected = () => {
    // It has been read, and is not saved yet.
    world.at(world.nowMs + 25, () => {
      world.replicas[elected]!.process!.pauseFor(300)
      renewals.letThrough(world.replicas[1 - elected]!)
    })
    world.at(world.nowMs + 200, () => {
      isIt = memory.isElected(1)
    })
  }
  await world.run(60_000)
  return isIt || elected === 1 ? world : playStaleView(1)
}
