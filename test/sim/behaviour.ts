// How services behave when they are started and stopped, on which node: well, unless a fault or a script says otherwise.
import type { Behaviour, StartManner } from './driver.ts'
import type { Chance } from './random.ts'

/** What a test may prescribe for one service. */
export type Script = {
  /** How the next start on `node` goes; null: as usual. */
  start?(node: string): StartManner | null
  startMs?: number
  stopMs?: number
}

export class Behaviours {
  /** Probabilities of a start that fails, comes up and falls over, or comes true only later. */
  faults = { fail: 0, crash: 0, hang: 0, lateAnswer: 0 }
  startMs: [number, number] = [20, 400]
  stopMs: [number, number] = [20, 600]
  readonly scripts = new Map<string, Script>()
  private readonly chance: Chance

  constructor(chance: Chance) {
    this.chance = chance
  }

  of(node: string): Behaviour {
    const { chance } = this
    return {
      start: (sid) => {
        const script = this.scripts.get(sid)
        const manner = script?.start?.(node) ?? this.manner()
        const ms = script?.startMs ?? chance.between(...this.startMs)
        return { manner, ms, hangMs: chance.between(1_000, 20_000) }
      },
      stop: (sid) => {
        const ms = this.scripts.get(sid)?.stopMs ?? chance.between(...this.stopMs)
        const isLate = chance.chance(this.faults.lateAnswer)
        return { ms, lateMs: isLate ? chance.between(0, 8_000) : 1 }
      },
      surveyMs: () => chance.between(1, 20),
    }
  }

  private manner(): StartManner {
    const drawn = this.chance.float()
    const { fail, crash, hang } = this.faults
    if (drawn < fail) return 'fail'
    if (drawn < fail + crash) return 'crash'
    return drawn < fail + crash + hang ? 'hang' : 'ok'
  }
}
