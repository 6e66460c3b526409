// Schedules in which a rule about fence devices is all that keeps a second copy off.
import { nodeNamed } from '../../../control-plane/store/memory/state.ts'
import type { World } from '../world.ts'
import type { Schedule } from './schedules.ts'
import { otherThan, site, until, web } from './stage.ts'

const fenced = { fenceDevices: 1 }

export const fenceSchedules: Schedule[] = [
  {
    name: 'one-reading',
    what: 'a device takes the command, does nothing, and errs once in what it reads',
    async play() {
      const { world, node } = await site(fenced)
      const [device] = world.fencing.of(node.name)
      device!.isLiar = true
      device!.told.push('on', 'off')
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'one-feed',
    what: 'of the two feeds of a node that is cut off one takes the command and does nothing',
    async play() {
      const { world, node } = await site({ fenceDevices: 2 })
      world.fencing.of(node.name)[1]!.isLiar = true
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'old-order',
    what: 'a node that was switched off is back with the service, and is cut off while its device can no longer do anything',
    async play() {
      const { world, node } = await site(fenced)
      node.link.cut()
      await world.run(30_000)
      node.link.heal()
      world.fencing.restorePower(node)
      await world.run(10_000)
      void world.operator.command('relocate', web, node.name)
      await world.run(10_000)
      if (!node.guests.running.has(web)) throw new Error(`${web} is not back on ${node.name}`)
      world.fencing.of(node.name)[0]!.isLiar = true
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'S17d',
    what: 'the device of a node that is cut off was plugged into another machine',
    async play() {
      const { world, node } = await site(fenced)
      const other = otherThan(world, node)
      world.fencing.of(node.name)[0]!.other = other
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'moved-machine',
    what: 'a virtual node was moved to another hypervisor, and the old one says off of what it left behind',
    async play() {
      const { world, node } = await site({ ...fenced, virtual: true })
      const [device] = world.fencing.of(node.name)
      device!.isLiar = true
      for (let reading = 0; reading < 500; reading++) device!.told.push('off')
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'lost-way-back',
    what: 'a virtual node that was found on leaves its hypervisor, and what had arrived of its way back is off there',
    async play() {
      const { world, node } = await site({ ...fenced, virtual: true })
      const [device] = world.fencing.of(node.name)
      device!.faults.refuses = 1
      device!.told.push('on', 'unknown')
      for (let reading = 0; reading < 500; reading++) device!.told.push('off')
      node.link.cut()
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'unwritten',
    what: 'whoever has switched a node off, to be switched on again, cannot write that down yet',
    play: playUnwritten,
  },
]

/** @param cut the replica that is expected to carry the order out */
async function playUnwritten(cut = 0): Promise<World> {
  const { world, node } = await site({ ...fenced, settings: { afterFence: 'power-on' } })
  const { jobs, database, replicas } = world
  const switchOnLater = jobs.switchOnLater.bind(jobs)
  const { name } = replicas[cut]!
  jobs.switchOnLater = (order, attempt) => {
    jobs.switchOnLater = switchOnLater
    database.cutOff(name)
    world.at(world.nowMs + 20_000, () => database.reconnect(name))
    switchOnLater(order, attempt)
  }
  node.link.cut()
  await until(world, () => !node.isOn)
  await world.run(5_000)
  const { view } = nodeNamed(database.memory.cluster(1), node.name)!
  if (view.fenceOrder?.report && cut === 0) return playUnwritten(1)
  node.link.heal()
  await world.run(60_000)
  return world
}
