// The fence devices of a world: which machine has which, how the plane is told of them, and who undoes what they did.
import type { FenceDevice } from '../../control-plane/fence/fence-device.ts'
import type { StoredDevice } from '../../control-plane/fence/fence-store.ts'
import { putFenceDevice } from '../../control-plane/store/memory/fence.ts'
import { type ClusterState, nodeNamed } from '../../control-plane/store/memory/state.ts'
import type { SimDatabase } from './database.ts'
import { identityOf, SimFenceDevice } from './fence-device.ts'
import type { Machine } from './machine.ts'
import type { Chance } from './random.ts'

export class Fencing {
  private readonly devices = new Map<string, SimFenceDevice[]>()

  /** Gives a machine so many feeds, each with a device. */
  add(machine: Machine, feeds: number, chance: Chance, onSwitchOn: () => void): void {
    const all: SimFenceDevice[] = []
    for (let feed = 0; feed < feeds; feed++) {
      const device = new SimFenceDevice(machine, all, chance.stream(`${machine.name}/fence${feed}`))
      device.onSwitchOn = onSwitchOn
    }
    this.devices.set(machine.name, all)
  }

  /** The devices of a node, one a feed. */
  of(node: string): SimFenceDevice[] {
    return this.devices.get(node) ?? []
  }

  hasPower(node: string): boolean {
    const feeds = this.of(node)
    return feeds.length === 0 || feeds.some((feed) => feed.hasPower)
  }

  /** The device behind what operators set up. */
  open({ name, options }: StoredDevice): FenceDevice {
    const { node } = options as { node: string }
    const found = this.of(node).find((one) => one.name === name)
    if (!found) throw new Error(`${node} has no device ${name}`)
    return found
  }

  /**
   * Its devices are set up, as whoever cabled it would: as rows, since the route that writes them asks the device itself by
   * means that a world has not.
   * @param numbers where the device's uid is drawn from
   */
  setUp(database: SimDatabase, numbers: Chance, node: string): void {
    const { memory, isAnswering } = database
    for (const { name, machine } of this.of(node)) {
      const device = { name, kind: 'simulated', expects: identityOf(machine), uid: numbers.uuid() }
      for (const { cluster } of Object.values(isAnswering ? memory.clusters : {})) {
        const known = nodeNamed(memory.cluster(cluster.id), node)
        if (!known) continue
        const patch = (state: ClusterState) => putFenceDevice(state, known.view.uid, device)
        const tells = { rings: ['crm' as const] }
        memory.commit(cluster.id, (state) => ({ state: patch(state), result: undefined }), tells)
      }
    }
  }

  /** A person gives a machine its power back, and switches it on. */
  restorePower(machine: Machine): void {
    for (const device of this.of(machine.name)) device.restore()
    machine.powerOn()
  }
}
