// What happens to the plane: its replicas, its database, its doorbells.
import type { Process } from '../sim/process.ts'
import type { Replica } from '../sim/replica.ts'
import type { DeedWord } from './faults.ts'
import type { Stage } from './stage.ts'
import { type Words, Wrong } from './words.ts'

const stepMs = 0.02
/** How far back the database remembers; and before this there was no site worth the name. */
const rememberedMs = 20_000
const settledMs = 2_000

export const planeFaults: Record<string, DeedWord> = {
  'kill-replica': {
    usage: 'kill-replica r1|all [for 10s]',
    read: (words) => {
      const name = words.next('a replica')
      const ms = words.take('for') ? words.duration('how long') : null
      return (stage) => {
        for (const replica of replicasOf(stage, name)) kill(stage, replica, ms)
      }
    },
  },
  'start-replica': {
    usage: 'start-replica r1|all',
    read: (words) => {
      const name = words.next('a replica')
      return (stage) => {
        for (const replica of replicasOf(stage, name)) replica.start()
      }
    },
  },
  'pause-replica': {
    usage: 'pause-replica r1|all for 10s',
    read: (words) => {
      const name = words.next('a replica')
      words.need('for')
      const ms = words.duration('how long')
      return (stage) => {
        for (const { process } of replicasOf(stage, name)) process?.pauseFor(ms)
      }
    },
  },
  crm: {
    usage: 'crm killed|paused for 10s in mid-round|before-saving',
    read: (words) => {
      const how = words.oneOf('what happens', ['killed', 'paused'])
      words.need('for')
      const ms = words.duration('how long')
      const isEarly = words.take('in')
      words.need(isEarly ? 'mid-round' : 'before-saving')
      const when = isEarly ? 'in mid-round' : 'before it saves a round'
      return (stage) => {
        const { database } = stage.world
        const isIt = (process: Process) =>
          isEarly ? database.isInRound(process) : database.hasRead(process)
        inMidRound(stage, isIt, (replica) => {
          stage.tale.act(`${replica.name} is ${how} ${when}`)
          if (how === 'killed') kill(stage, replica, ms)
          else replica.process?.pauseFor(ms)
        })
      }
    },
  },
  database: {
    usage: 'database stall 20s | restart 5s | failover 5s [losing 3s] | step +90s | rate 1.2',
    read: readDatabaseFault,
  },
  doorbells: {
    usage: 'doorbells lost|heard',
    read: (words) => {
      const isLost = words.oneOf('what becomes of them', ['lost', 'heard']) === 'lost'
      return ({ world }) => {
        world.lostDoorbells = isLost ? 1 : 0
      }
    },
  },
}

function readDatabaseFault(words: Words): (stage: Stage) => void {
  const fault = words.oneOf('the fault', ['stall', 'restart', 'failover', 'step', 'rate'])
  switch (fault) {
    case 'step': {
      const ms = words.step('the step')
      return ({ world }) => world.database.step(ms)
    }
    case 'rate': {
      const rate = words.number('its rate')
      return ({ world }) => {
        const { database, nowMs } = world
        // The clock goes on from where it is.
        database.step((database.rate - rate) * nowMs)
        database.rate = rate
      }
    }
    case 'stall': {
      const ms = words.duration('how long')
      return ({ world }) => world.database.stall(ms)
    }
    case 'restart': {
      const ms = words.duration('how long')
      return ({ world }) => world.database.restart(ms)
    }
    case 'failover': {
      const ms = words.duration('how long')
      const lossMs = words.take('losing') ? words.duration('how much') : 0
      return ({ world }) => {
        if (lossMs > Math.min(rememberedMs, world.nowMs - settledMs))
          throw new Wrong(
            `commits of ${lossMs / 1000} s ago cannot be lost: run longer before, or lose less`,
          )
        world.database.failOver(ms, lossMs)
      }
    }
  }
}

function kill({ world }: Stage, replica: Replica, forMs: number | null): void {
  replica.kill()
  if (forMs !== null) world.at(world.nowMs + forMs, () => replica.start())
}

function replicasOf({ world }: Stage, name: string): Replica[] {
  if (name === 'all') return world.replicas
  const replica = world.replicas.find((one) => one.name === name)
  if (!replica)
    throw new Wrong(
      `no replica ${name}: there are ${world.replicas.map((one) => one.name).join(' ')}`,
    )
  return [replica]
}

/** As soon as a replica has a round under way, so far. */
function inMidRound(
  { world }: Stage,
  isIt: (process: Process) => boolean,
  act: (replica: Replica) => void,
): void {
  const look = () => {
    const crm = world.replicas.find(({ process }) => process !== null && isIt(process))
    if (crm) act(crm)
    else world.scheduler.quietlyAfter(stepMs, look)
  }
  look()
}
