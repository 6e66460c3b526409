// Schedules in which something is where no grant says it is, or goes on although a tool says nothing of it: what runs by
// hand, what no kill ends, what nobody can look for.
import { newService } from '../random-wishes.ts'
import type { Machine } from '../machine.ts'
import type { Schedule } from './schedules.ts'
import { otherThan, site, startByHand, web } from './stage.ts'

/** As whoever administers both machines does it. */
function moveByHand(sid: string, from: Machine, to: Machine): void {
  const guest = from.guests.running.get(sid)!
  from.guests.running.delete(sid)
  to.guests.running.set(sid, guest)
}

export const hiddenSchedules: Schedule[] = [
  {
    name: 'S13',
    what: 'a service is moved by hand in a cluster that manages nothing, and the node that has it is cut off when it is armed',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      void world.operator.disarm('ignore')
      await world.run(20_000)
      moveByHand(web, node, other)
      other.link.cut()
      void world.operator.arm()
      await world.run(150_000)
      return world
    },
  },
  {
    name: 'S18c',
    what: 'a service is added that somebody has started by hand on a node that others are preferred to, and that takes long to stop',
    async play() {
      const { world, node } = await site()
      const sid = 'process:new'
      startByHand(world, sid, node)
      await world.run(15_000)
      void world.operator.add(newService(sid))
      await world.run(30_000)
      return world
    },
  },
  {
    name: 'stuck',
    what: 'a service that no kill ends is to move',
    async play() {
      const { world, node } = await site()
      node.guests.stuck.add(web)
      const target = otherThan(world, node)
      void world.operator.command('relocate', web, target.name)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'blind',
    what: 'the tool of a driver hangs while a service is to stop, and then its node is cut off',
    async play() {
      const { world, node } = await site()
      node.guests.blind.add('process')
      void world.operator.command('stop', web)
      await world.run(20_000)
      node.link.cut()
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'slow-clock',
    what: 'a node that is cut off ends everything in time, and its clock is as slow as it may be, as that of the database is fast',
    async play() {
      const { world, node } = await site({ rate: 0.9901 })
      world.database.rate = 1.0099
      await world.run(20_000)
      node.link.cut()
      await world.run(90_000)
      return world
    },
  },
]
