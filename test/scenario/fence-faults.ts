// What happens to the fence devices of a node.
import type { SimFenceDevice } from '../sim/fence-device.ts'
import type { DeedWord } from './faults.ts'
import type { Stage } from './stage.ts'
import { type Words, Wrong } from './words.ts'

type Deed = (device: SimFenceDevice, stage: Stage) => void

const states = ['on', 'off', 'paused', 'changing', 'unknown'] as const

const hows: Record<string, (words: Words) => Deed> = {
  dark: () => (device) => {
    device.isDark = true
  },
  lies: () => (device) => {
    device.isLiar = true
  },
  pauses: () => (device) => {
    device.pauses = true
  },
  slow: (words) => {
    const ms = words.duration('how slow')
    return (device) => {
      device.faults = { ...device.faults, slow: 1, slowMs: ms }
    }
  },
  refuses: () => (device) => {
    device.faults = { ...device.faults, refuses: 1 }
  },
  says: (words) => {
    const told = [words.oneOf('what it says', states)]
    while (!words.isOver) told.push(words.oneOf('what it says', states))
    return (device) => void device.told.push(...told)
  },
  'speaks-of': (words) => {
    const node = words.node()
    return (device, { world }) => {
      device.other = world.node(node)
    }
  },
  well: () => (device) => device.repair(),
}

export const fenceFaults: Record<string, DeedWord> = {
  'fence-device': {
    usage:
      'fence-device NODE [feed2] dark|lies|pauses|refuses|slow 5s|says on off … (its next readings)|speaks-of NODE|well',
    read: (words) => {
      const node = words.node()
      const name = words.take('feed2') ? 'feed2' : 'bmc'
      const deed = hows[words.oneOf('how it is', Object.keys(hows))]!(words)
      return (stage) => {
        const device = stage.world.fencing.of(node).find((one) => one.name === name)
        if (!device)
          throw new Wrong(`${node} has no fence device ${name}: node ${node} fence-devices 1`)
        deed(device, stage)
      }
    },
  },
}
