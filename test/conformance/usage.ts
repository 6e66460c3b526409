// What nodes and services use, told to the plane as agents tell it: as much as the recording says of each that runs.
import type { World } from '../sim/world.ts'
import type { Stats } from './site.ts'

const everyMs = 5_000

/** Tells it now and from now on: again and again, and whenever something has started, stopped or moved. */
export function tellUsage(world: World, stats: Pick<Stats, 'dynamicOf'>): void {
  const again = () => {
    tell(world, stats)
    world.at(world.nowMs + everyMs, again)
  }
  again()
  world.onAction.push(() => tell(world, stats))
}

function tell(world: World, stats: Pick<Stats, 'dynamicOf'>): void {
  const nodes = world.operator.view().nodes
  for (const { name, guests, isOn } of world.machines) {
    const node = nodes[name]
    if (!node || !isOn) continue
    const services = [...guests.running.keys()].map((sid) => ({ sid, ...stats.dynamicOf(sid) }))
    const sum = (of: 'cpus' | 'memoryBytes') => services.reduce((all, one) => all + one[of], 0)
    const usage = { node: { cpus: sum('cpus'), memoryBytes: sum('memoryBytes') }, services }
    world.database.memory.noteUsage([{ clusterId: 1, nodeUid: node.uid, usage }])
  }
}
