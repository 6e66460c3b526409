// Schedules of live moves in which a half is left, or not known to be over, where nobody hears of it.
import type { World } from '../world.ts'
import type { Machine } from '../machine.ts'
import type { Schedule } from './schedules.ts'
import { site, until } from './stage.ts'

const sid = 'vm:web'

/** A machine that is about to move live, and takes so long over it. */
async function mover(moveMs: number): Promise<{ world: World; node: Machine; others: Machine[] }> {
  const { world, node } = await site({ sid, drivers: ['vm'] })
  world.behaviours.scripts.set(sid, { moveMs })
  return { world, node, others: world.machines.filter((one) => one !== node) }
}

export const halfSchedules: Schedule[] = [
  {
    name: 'third-node',
    what: 'a machine is to move elsewhere, while the node that was ready to receive it is cut off with its half',
    async play() {
      const { world, others } = await mover(1_000)
      const [target, third] = others
      void world.operator.command('migrate', sid, target!.name)
      await until(world, () => target!.guests.incoming.has(sid))
      target!.link.cut()
      await world.run(12_000)
      void world.operator.command('migrate', sid, third!.name)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'stopped-on-the-way',
    what: 'a machine is to be stopped while it moves, and the node that it leaves is cut off',
    async play() {
      const { world, node, others } = await mover(6_000)
      void world.operator.command('migrate', sid, others[0]!.name)
      await until(world, () => node.guests.outgoing.has(sid))
      node.link.cut()
      void world.operator.command('stop', sid)
      await world.run(90_000)
      return world
    },
  },
  {
    name: 'without-quorum',
    what: 'a machine is to move as most nodes have fallen silent, and its target hears of that when nothing is granted any more',
    async play() {
      const names = ['n1', 'n2', 'n3', 'n4', 'n5']
      const settings = { quorum: 'majority' as const }
      const { world, node } = await site({ sid, drivers: ['vm'], names, settings })
      const [target, ...others] = world.machines.filter((one) => one !== node)
      for (const other of others) other.link.cut()
      await world.run(5_500)
      target!.link.latencyMs = [1_400, 1_400]
      void world.operator.command('migrate', sid, target!.name)
      await world.run(60_000)
      return world
    },
  },
]
