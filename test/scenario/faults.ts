// What happens to machines and their agents: power, network, watchdog, disk, clock.
import { serviceTypes } from '../../shared/names.ts'
import type { Machine } from '../sim/machine.ts'
import { reinstall } from '../sim/readmit.ts'
import type { Stage } from './stage.ts'
import { type Words, Wrong } from './words.ts'

export type Deed = (stage: Stage) => void | Promise<void>
export type DeedWord = { usage: string; read(words: Words): Deed }

/** How often a machine that is to go down looks whether its agent has ended. */
const lookMs = 500
const rebootMs = 5_000
const reinstallMs = 20_000

const machine = (act: (machine: Machine, stage: Stage) => void): DeedWord['read'] => {
  return (words) => {
    const node = words.node()
    return (stage) => act(stage.world.node(node), stage)
  }
}

export const machineFaults: Record<string, DeedWord> = {
  'power-off': {
    usage: 'power-off NODE',
    read: machine((node) => node.powerOff('power lost')),
  },
  'power-on': {
    usage: 'power-on NODE: also where a fence device has cut its power',
    read: machine((node, { world }) => world.fencing.restorePower(node)),
  },
  freeze: {
    usage: 'freeze NODE: as its hypervisor does, with its watchdog and all of its clocks',
    read: machine((node) => node.freeze()),
  },
  thaw: { usage: 'thaw NODE', read: machine((node) => node.thaw()) },
  'stays-off': {
    usage: 'stays-off NODE: once its watchdog has reset it',
    read: machine((node) => {
      node.rebootMs = null
    }),
  },
  cut: {
    usage: 'cut NODE [up|down]',
    read: (words) => {
      const node = words.node()
      const direction = words.isOver ? 'both' : words.oneOf('the direction', ['up', 'down', 'both'])
      return ({ world }) => world.node(node).link.cut(direction)
    },
  },
  heal: {
    usage: 'heal NODE',
    read: machine(({ link }) => {
      link.heal()
      link.beUsually({})
      link.deafTo = null
    }),
  },
  link: {
    usage: 'link NODE lost|repeated|slow PROBABILITY [by 5s]',
    read: (words) => {
      const node = words.node()
      const fault = words.oneOf('the fault', ['lost', 'repeated', 'slow'])
      const share = words.number('its probability')
      const slowMs = words.take('by') ? words.duration('how much') : 0
      return ({ world }) => world.node(node).link.beUsually({ [fault]: share, slowMs })
    },
  },
  deaf: {
    usage: 'deaf NODE: orders do not reach it, its renewals do',
    read: machine(({ link }) => {
      link.deafTo = '/agent/v1/desired'
    }),
  },
  hang: {
    usage:
      'hang NODE [for 5s], or: hang NODE in-feed for 9s, between the check and the write of its next feed, at most',
    read: (words) => {
      const node = words.node()
      if (words.take('in-feed', 'for')) return hangInFeed(node, words.duration('how long'))
      const ms = words.take('for') ? words.duration('how long') : null
      return ({ world }) => {
        const process = world.node(node).agent?.process
        if (!process) throw new Wrong(`no agent runs on ${node}`)
        if (ms === null) process.pause()
        else process.pauseFor(ms)
      }
    },
  },
  resume: { usage: 'resume NODE', read: machine((node) => node.agent?.process.resume()) },
  'kill-agent': {
    usage: 'kill-agent NODE [every 2s for 30s]',
    read: (words) => {
      const node = words.node()
      if (!words.take('every')) return ({ world }) => world.node(node).crashAgent()
      const everyMs = words.duration('how often')
      words.need('for')
      const forMs = words.duration('how long')
      return ({ world }) => {
        for (let ms = 0; ms <= forMs; ms += everyMs)
          world.at(world.nowMs + ms, () => world.node(node).crashAgent())
      }
    },
  },
  'stop-agent': {
    usage: 'stop-agent NODE: as an upgrade does; it stays down',
    read: machine((node) => {
      node.isAgentWanted = false
      node.signal('restart')
    }),
  },
  'start-agent': {
    usage: 'start-agent NODE',
    read: machine((node) => {
      node.isAgentWanted = true
      node.startAgent()
    }),
  },
  'restart-agent': {
    usage: 'restart-agent NODE',
    read: machine((node) => node.signal('restart')),
  },
  shutdown: { usage: 'shutdown NODE', read: machine((node, stage) => goDown(stage, node, null)) },
  reboot: { usage: 'reboot NODE', read: machine((node, stage) => goDown(stage, node, rebootMs)) },
  'lose-journal': {
    usage: 'lose-journal NODE: with its agent killed',
    read: machine((node) => {
      node.crashAgent('its journal is lost')
      node.loseHome('journal')
    }),
  },
  'lose-home': {
    usage: 'lose-home NODE: journal and identity, with its agent killed',
    read: machine((node) => {
      node.crashAgent('its home is lost')
      node.loseHome('everything')
    }),
  },
  reinstall: {
    usage: 'reinstall NODE [as other hardware]: it is off for 20 s, and joins anew under its name',
    read: (words) => {
      const node = words.node()
      const isOther = words.take('as', 'other', 'hardware')
      return ({ world }) => reinstall(world.node(node), isOther, reinstallMs)
    },
  },
  disk: {
    usage: 'disk NODE full|broken|well',
    read: (words) => {
      const node = words.node()
      const how = words.oneOf('how it is', ['full', 'broken', 'well'])
      const fault = how === 'well' ? null : how === 'full' ? 'ENOSPC' : 'EIO'
      return ({ world }) => {
        world.node(node).disk.fault = fault
      }
    },
  },
  driver: {
    usage:
      'driver NODE process|vm|… hangs|answers: its tools, and with them whatever is asked of it',
    read: (words) => {
      const node = words.node()
      const type = words.oneOf('the type of its services', serviceTypes)
      const how = words.oneOf('how it is', ['hangs', 'answers'])
      return ({ world }) => {
        const { blind } = world.node(node).guests
        if (how === 'hangs') blind.add(type)
        else blind.delete(type)
      }
    },
  },
  clock: {
    usage: 'clock NODE +1h: its wall clock',
    read: (words) => {
      const node = words.node()
      const ms = words.step('the step')
      return ({ world }) => {
        world.node(node).clock.wallErrorMs += ms
      }
    },
  },
}

/** Once: the next check of the feed rule is the one that it does not survive in time. */
function hangInFeed(node: string, mostMs: number): Deed {
  return ({ world }) => {
    const machine = world.node(node)
    const calm = machine.pauses
    machine.pauses = {
      ...calm,
      get feed() {
        machine.pauses = { ...calm, mostMs }
        return 1
      },
      mostMs,
    }
  }
}

/** The agent is told, does what the policy says, and ends; then the machine goes down. */
function goDown({ world }: Stage, node: Machine, againMs: number | null): void {
  node.isAgentWanted = false
  node.signal(againMs === null ? 'shutdown' : 'reboot')
  const look = () => {
    if (!node.isOn) return
    if (node.agent !== null) return world.at(world.nowMs + lookMs, look)
    node.isAgentWanted = true
    node.powerOff(againMs === null ? 'shut down' : 'reboots', againMs)
  }
  look()
}
