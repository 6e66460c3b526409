// How services behave when they are started, stopped and moved, and what happens to those that run.
import type { Script } from '../sim/behaviour.ts'
import type { World } from '../sim/world.ts'
import type { DeedWord } from './faults.ts'
import type { Stage } from './stage.ts'
import { type Words, Wrong } from './words.ts'

const startManners = { fail: 'fail', crash: 'crash', hang: 'hang' } as const
const moveManners = { fail: 'fail', 'come-late': 'late', 'are-refused': 'refused' } as const

export const serviceFaults: Record<string, DeedWord> = {
  crash: {
    usage: 'crash SID [leaving something]',
    read: (words) => {
      const sid = words.sid()
      const leavesSomething = words.take('leaving', 'something')
      return ({ world }) => whereRuns(world, sid).crashGuest(sid, leavesSomething)
    },
  },
  starts: {
    usage: 'starts SID fail|crash|hang|go-well [2 times] [on NODE]',
    read: (words) =>
      prescribe(words, startManners, (script, manner) => ({ ...script, start: manner })),
  },
  moves: {
    usage: 'moves SID fail|come-late|are-refused|go-well [2 times] [on NODE], on: from where',
    read: (words) =>
      prescribe(words, moveManners, (script, manner) => ({ ...script, migrate: manner })),
  },
  takes: {
    usage: 'takes SID 5s to start|stop|move',
    read: (words) => {
      const sid = words.sid()
      const ms = words.duration('how long')
      words.need('to')
      const what = words.oneOf('what takes so long', ['start', 'stop', 'move'])
      return ({ world }) => amend(world, sid, (script) => ({ ...script, [`${what}Ms`]: ms }))
    },
  },
  stuck: {
    usage: 'stuck SID on NODE: no kill ends it there',
    read: (words) => {
      const sid = words.sid()
      words.need('on')
      const node = words.node()
      return ({ world }) => void world.node(node).guests.stuck.add(sid)
    },
  },
  unstuck: {
    usage: 'unstuck SID',
    read: (words) => {
      const sid = words.sid()
      return ({ world }) => {
        for (const { guests } of world.machines) guests.stuck.delete(sid)
      }
    },
  },
  'by-hand': {
    usage: 'by-hand move SID NODE | stop SID, past the manager',
    read: (words) => {
      const what = words.oneOf('what is done', ['move', 'stop'])
      const sid = words.sid()
      const node = what === 'move' ? words.node() : null
      return ({ world }) => {
        const { guests } = whereRuns(world, sid)
        const guest = guests.running.get(sid)!
        guests.running.delete(sid)
        if (node !== null) world.node(node).guests.running.set(sid, guest)
      }
    },
  },
  'found-running': {
    usage: 'found-running SID on NODE: started there by somebody else',
    read: (words) => {
      const sid = words.sid()
      words.need('on')
      const node = words.node()
      return ({ world }) => {
        const guest = { sid, generation: 0, state: 'running', startedMs: world.nowMs } as const
        world.node(node).guests.running.set(sid, guest)
      }
    },
  },
  'host-starts': {
    usage:
      'host-starts SID on NODE: as a daemon does at boot; it may not where its start gate is on the disk',
    read: (words) => {
      const sid = words.sid()
      words.need('on')
      const node = words.node()
      return ({ world }) => {
        const { guests, isOn } = world.node(node)
        if (!isOn) throw new Wrong(`${node} is off`)
        if (guests.gatesOnDisk.has(sid) || guests.running.has(sid)) return
        guests.start(sid, 0, 0, 'running')
      }
    },
  },
  uses: {
    usage: 'uses SID cpus 2 memory 4G',
    read: (words) => {
      const sid = words.sid()
      words.need('cpus')
      const cpus = words.number('cpus')
      words.need('memory')
      const memoryBytes = words.bytes('memory')
      return (stage) => stage.use(sid, { cpus, memoryBytes })
    },
  },
}

function whereRuns(world: World, sid: string) {
  const machine = world.machines.find(({ guests }) => guests.running.has(sid))
  if (!machine) throw new Wrong(`${sid} runs nowhere`)
  return machine
}

function amend(world: World, sid: string, change: (script: Script) => Script): void {
  const { scripts } = world.behaviours
  scripts.set(sid, change(scripts.get(sid) ?? {}))
}

/** `fail 2 times on n1`: so often, there; always and everywhere where that is not said. */
function prescribe<T extends string>(
  words: Words,
  manners: Record<string, T>,
  put: (script: Script, manner: (node: string) => T | null) => unknown,
): (stage: Stage) => void {
  const sid = words.sid()
  const word = words.oneOf('how they go', [...Object.keys(manners), 'go-well'])
  const isCounted = /^\d+$/.test(words.peek())
  let times = isCounted ? words.number('how often') : Number.POSITIVE_INFINITY
  if (isCounted) words.need('times')
  const only = words.take('on') ? words.node() : null
  const manner = (node: string) => {
    if (word === 'go-well' || times === 0 || (only !== null && node !== only)) return null
    times -= 1
    return manners[word]!
  }
  return ({ world }) => amend(world, sid, (script) => put(script, manner) as Script)
}
