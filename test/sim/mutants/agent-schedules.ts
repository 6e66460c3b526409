// Schedules in which an agent’s rule is all that keeps a second copy off.
import { newService } from '../random-wishes.ts'
import type { Schedule } from './schedules.ts'
import { fedAtMs, once, otherThan, site, web, whenLeased } from './stage.ts'

export const agentSchedules: Schedule[] = [
  {
    name: 'cut',
    what: 'a node that runs something is cut off for good',
    async play() {
      const { world, node } = await site()
      node.link.cut()
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'S8',
    what: 'a machine is added whose start gates no node has heard of: the lists of services do not arrive',
    async play() {
      const { world } = await site({ drivers: ['process', 'vm'], readsGates: true })
      for (const { link } of world.machines) link.deafTo = '/agent/v1/managed'
      await world.operator.add(newService('vm:new'))
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'M3',
    what: 'a late answer arrives while newer renewals are lost, and then the node is cut off',
    async play() {
      const { world } = await site()
      for (const sid of ['process:a', 'process:b']) void world.operator.add(newService(sid))
      await world.run(10_000)
      for (const machine of world.machines) {
        machine.link.latencyMs = [1_400, 1_400]
        whenLeased(world, machine, () => whenLeased(world, machine, () => machine.link.cut()))
      }
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'M4',
    what: 'an agent that is cut off stands still after each decision to feed',
    async play() {
      const { world, node } = await site()
      node.link.cut()
      const pauseAfterEach = (fedMs: number | undefined) =>
        once(
          world,
          () => fedAtMs(node) !== fedMs,
          () => {
            node.agent?.process.pauseFor(2_400)
            pauseAfterEach(fedAtMs(node))
          },
        )
      pauseAfterEach(fedAtMs(node))
      await world.run(80_000)
      return world
    },
  },
  {
    name: 'S2',
    what: 'a node whose watchdog takes twice its configured time is cut off',
    async play() {
      const { world, node } = await site({ device: 'iTCO' })
      node.link.cut()
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'S1',
    what: 'the agent of a node that is cut off crashes again and again',
    async play() {
      const { world, node } = await site()
      node.link.cut()
      node.guests.stuck.add(web)
      for (let crash = 0; crash < 30; crash++)
        world.at(world.nowMs + 5_000 * crash, () => node.crashAgent())
      await world.run(120_000)
      return world
    },
  },
  {
    name: 'start',
    what: 'a service is added and starts',
    async play() {
      const { world } = await site()
      await world.run(10_000)
      return world
    },
  },
  {
    name: 'M13',
    what: 'a machine loses power for a moment, and its agent finds the journal of the boot before',
    async play() {
      const { world, node } = await site()
      node.powerOff('power lost', 5_000)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'S15b',
    what: 'an agent is killed while its disk takes nothing, right after it has stopped what moves away',
    async play() {
      const { world, node } = await site()
      const target = otherThan(world, node)
      node.disk.fault = 'EIO'
      void world.operator.command('relocate', web, target.name)
      once(
        world,
        () => !node.guests.running.has(web),
        () => world.at(world.nowMs + 200, () => node.crashAgent()),
      )
      await world.run(20_000)
      node.disk.fault = null
      await world.run(40_000)
      return world
    },
  },
  {
    name: 'S4b',
    what: 'the client of a live move gives up, and its job goes on and ends before the agent looks again',
    async play() {
      const sid = 'vm:web'
      const { world, node } = await site({ sid, drivers: ['vm'] })
      const target = otherThan(world, node)
      world.behaviours.scripts.set(sid, { migrate: () => 'late' })
      world.behaviours.moveLateMs = [1_000, 4_000]
      world.onAction.push(({ action }) => {
        if (action === 'migrate') node.agent?.process.pauseFor(6_000)
      })
      void world.operator.command('migrate', sid, target.name)
      await world.run(60_000)
      return world
    },
  },
  {
    name: 'two-steps',
    what: 'a move in two steps takes long over its first, while the target is ready for the second',
    async play() {
      const sid = 'ocf:web'
      const { world, node } = await site({ sid, drivers: ['ocf'] })
      const target = otherThan(world, node)
      world.behaviours.scripts.set(sid, { moveMs: 5_000, startMs: 100 })
      void world.operator.command('migrate', sid, target.name)
      await world.run(20_000)
      if (world.running()[sid] !== target.name) throw new Error(`${sid} has not moved`)
      return world
    },
  },
]
