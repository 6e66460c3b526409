// Schedules in which nothing but what a node says, or cannot say, tells that something is there: what was started by hand, what a
// driver does not see, what nobody has looked for yet.
import { newService } from '../random-wishes.ts'
import type { Schedule } from './schedules.ts'
import { loseJournal, otherThan, site, startByHand, web } from './stage.ts'

const sid = 'process:new'

export const wordSchedules: Schedule[] = [
  {
    name: 'by-hand',
    what: 'a service that was stopped is started by hand on another node, and then by an operator',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      void world.operator.command('stop', web)
      await world.run(5_000)
      startByHand(world, web, other)
      await world.run(15_000)
      void world.operator.command('start', web)
      await world.run(30_000)
      return world
    },
  },
  {
    name: 'blind-asked',
    what: 'an agent that has lost its journal is asked what it runs, and its tool hangs',
    async play() {
      const { world, node } = await site()
      node.guests.blind.add('process')
      loseJournal(node)
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'driver-gone',
    what: 'an agent that has lost its journal comes back without the driver of what it runs',
    async play() {
      const { world, node } = await site()
      node.options.drivers = ['vm']
      loseJournal(node)
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'blind-probed',
    what: 'a service is added that somebody has started by hand, and the tool that would see it hangs',
    async play() {
      const { world, node } = await site()
      node.guests.blind.add('process')
      startByHand(world, sid, node)
      await world.run(15_000)
      void world.operator.add(newService(sid))
      await world.run(30_000)
      return world
    },
  },
  {
    name: 'just-started',
    what: 'a service is added that somebody has just started by hand, since the last look',
    async play() {
      const { world, node } = await site()
      startByHand(world, sid, node)
      void world.operator.add(newService(sid))
      await world.run(30_000)
      return world
    },
  },
  {
    name: 'no-driver',
    what: 'a service is taken over from a node whose agent has no driver for it',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      other.options.drivers = ['vm']
      other.crashAgent('it gets another driver')
      await world.run(10_000)
      startByHand(world, sid, other)
      void world.operator.add({ ...newService(sid), adoptedFrom: other.name })
      await world.run(30_000)
      return world
    },
  },
  {
    name: 'silent-for-now',
    what: 'a service is added that somebody has started by hand on a node that is cut off for a moment',
    async play() {
      const { world, node } = await site()
      const other = otherThan(world, node)
      other.link.cut()
      await world.run(11_000)
      startByHand(world, sid, other)
      void world.operator.add(newService(sid))
      await world.run(10_000)
      other.link.heal()
      await world.run(30_000)
      return world
    },
  },
]
