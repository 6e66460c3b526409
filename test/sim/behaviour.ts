// How services behave when they are started and stopped, on which node: well, unless a fault or a script says otherwise.
import type { Behaviour, StartManner } from './driver-parts.ts'
import type { MoveManner } from './live-moves.ts'
import type { Chance } from './random.ts'
import type { Tally } from './tally.ts'

/** What a test may prescribe for one service. */
export type Script = {
  /** How the next start on `node` goes; null: as usual. */
  start?(node: string): StartManner | null
  /** How the next move away goes; null: as usual. */
  migrate?(node: string): MoveManner | null
  /** Its definition is on another node than `node`: nothing can be done with it there. */
  isElsewhere?(node: string): boolean
  startMs?: number
  stopMs?: number
  moveMs?: number
}

/** As what they are counted. */
const startFaults = {
  fail: 'startFails',
  crash: 'startCrashes',
  hang: 'startHangs',
  lie: 'startLies',
  boast: 'startBoasts',
} as const

/** Of a driver that does as it should. */
export const noFaults = { fail: 0, crash: 0, hang: 0, lie: 0, boast: 0, lateAnswer: 0 }

export class Behaviours {
  /** Probabilities of a start that fails, comes up and falls over, or comes true only later. */
  faults = { ...noFaults }
  moveFaults = { fail: 0, late: 0 }
  moveMs: [number, number] = [200, 3_000]
  /** How much longer the job of a move takes that nobody waits for any more. */
  moveLateMs: [number, number] = [100, 20_000]
  startMs: [number, number] = [20, 400]
  stopMs: [number, number] = [20, 600]
  readonly scripts = new Map<string, Script>()
  private readonly chance: Chance
  private readonly tally: Tally

  constructor(chance: Chance, tally: Tally) {
    this.chance = chance
    this.tally = tally
  }

  of(node: string): Behaviour {
    const { chance } = this
    return {
      start: (sid) => {
        const script = this.scripts.get(sid)
        const isElsewhere = script?.isElsewhere?.(node) ?? false
        const manner = isElsewhere ? 'wrong-node' : (script?.start?.(node) ?? this.manner())
        const ms = script?.startMs ?? chance.between(...this.startMs)
        return { manner, ms, hangMs: chance.between(1_000, 20_000) }
      },
      stop: (sid) => {
        const ms = this.scripts.get(sid)?.stopMs ?? chance.between(...this.stopMs)
        const isLate = chance.chance(this.faults.lateAnswer)
        if (isLate) this.tally.note('lateStops')
        const isWrongNode = this.scripts.get(sid)?.isElsewhere?.(node) ?? false
        return { ms, lateMs: isLate ? chance.between(0, 8_000) : 1, isWrongNode }
      },
      migrate: (sid) => ({
        manner: this.scripts.get(sid)?.migrate?.(node) ?? this.moveManner(),
        ms: this.scripts.get(sid)?.moveMs ?? chance.between(...this.moveMs),
        lateMs: chance.between(...this.moveLateMs),
      }),
      surveyMs: () => chance.between(1, 20),
    }
  }

  private moveManner(): MoveManner {
    const drawn = this.chance.float()
    const { fail, late } = this.moveFaults
    const manner = drawn < fail ? 'fail' : drawn < fail + late ? 'late' : 'ok'
    if (manner !== 'ok') this.tally.note(manner === 'fail' ? 'moveFails' : 'moveLate')
    return manner
  }

  private manner(): StartManner {
    const drawn = this.chance.float()
    let upTo = 0
    for (const manner of ['fail', 'crash', 'hang', 'lie', 'boast'] as const) {
      upTo += this.faults[manner]
      if (drawn >= upTo) continue
      this.tally.note(startFaults[manner])
      return manner
    }
    return 'ok'
  }
}
