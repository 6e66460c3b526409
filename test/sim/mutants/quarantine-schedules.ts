// Schedules in which a failover loses what a node has gone by since (rule 9): between two histories every word of the older one may
// be wrong, and every number of the newer one may be late.
import { profiles } from '../../../shared/timing.ts'
import { newService } from '../random-wishes.ts'
import type { World } from '../world.ts'
import type { Schedule } from './schedules.ts'
import { holderOf, leaseOf, loseJournal, otherThan, site, until, web } from './stage.ts'

const sid = 'process:new'

/** A standby takes over that knows nothing of what came after `keptMs`. */
function forget(world: World, keptMs: number): void {
  world.database.failOver(500, world.nowMs - keptMs)
}

/** A service has begun to run, and the history that follows knows of its grant, and not of its confirm. */
async function confirmForgotten() {
  const { world } = await site()
  void world.operator.add(newService(sid))
  await until(world, () => holderOf(world, sid) !== undefined)
  const [node, keptMs] = [holderOf(world, sid)!, world.nowMs]
  await until(world, () => node.guests.running.has(sid))
  forget(world, keptMs)
  return { world, node }
}

export const quarantineSchedules: Schedule[] = [
  {
    name: 'lost-adoption',
    what: 'a failover loses the epoch in which a node has renewed since its last one was revoked, and that node is cut off',
    async play() {
      const { world, node } = await site({
        settings: { profile: 'custom', timing: profiles.fast },
      })
      loseJournal(node)
      await until(world, () => leaseOf(world, node).bootId === null)
      const keptMs = world.nowMs
      await world.run(15_000)
      forget(world, keptMs)
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'lost-confirm',
    what: 'a failover loses the confirm of what a node has just started, as its agent and journal are lost and its tool hangs',
    async play() {
      const { world, node } = await confirmForgotten()
      loseJournal(node)
      node.guests.blind.add('process')
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'confirmed-once',
    what: 'a failover loses the confirm of what a node runs, and its agent and journal are lost before it asks for another one',
    async play() {
      const { world, node } = await confirmForgotten()
      await world.run(10_000)
      const { memory } = world.database
      while (memory.cluster(1).planeEpoch.quarantineUntilMs !== null) await world.run(1)
      loseJournal(node)
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'lost-recovery',
    what: 'a failover loses that a grant was closed unconfirmed and given to another, and the node it was first given to is back',
    async play() {
      const { world } = await site({ fenceDevices: 1 })
      void world.operator.add(newService(sid))
      await until(world, () => holderOf(world, sid) !== undefined)
      const node = holderOf(world, sid)!
      // So it lives, with its lease, when it is revoked.
      world.fencing.of(node.name)[0]!.isLiar = true
      node.link.cut()
      await until(world, () => leaseOf(world, node).bootId === null)
      const keptMs = world.nowMs - 2
      await until(world, () => world.running()[sid] !== undefined)
      node.link.heal()
      forget(world, keptMs)
      await world.run(150_000)
      return world
    },
  },
  {
    name: 'lost-release',
    what: 'a failover loses a move and a disarm, and the node that has the service and no watchdog any more is cut off',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      const keptMs = world.nowMs
      void world.operator.command('relocate', web, other.name)
      await world.run(4_000)
      void world.operator.disarm('freeze')
      await world.run(8_000)
      if (other.device.isRunning) throw new Error(`${other.name} has not let go of its watchdog`)
      other.link.cut()
      forget(world, keptMs)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'lost-join',
    what: 'a failover loses a node that has just joined and been given the service',
    async play() {
      const { world } = await site({ off: 'n3' })
      const keptMs = world.nowMs
      const joining = world.node('n3')
      joining.powerOn()
      await world.run(8_000)
      void world.operator.command('relocate', web, joining.name)
      await world.run(5_000)
      if (!joining.guests.running.has(web)) throw new Error(`${web} is not on ${joining.name}`)
      forget(world, keptMs)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'lost-move',
    what: 'a failover loses a move; the node that has the service says so, and falls silent before the other is there to end its own',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      const keptMs = world.nowMs
      void world.operator.command('relocate', web, other.name)
      await world.run(4_000)
      node.link.cut()
      forget(world, keptMs)
      await world.run(65_000)
      other.options.drivers = ['process', 'vm']
      other.crashAgent('it gets another driver')
      await until(world, () => leaseOf(world, other).bootId === null)
      other.link.cut()
      node.link.heal()
      await world.run(90_000)
      return world
    },
  },
]
