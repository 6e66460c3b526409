// One node's report as lookups: what it runs by service, what it answered by order. Each is made when it is first asked
// for, and as good as the report for as long as that is the same object. Reads only.
import type { OrderResult, RunningService } from '../../shared/protocol.ts'
import type { ReportView } from './node-words.ts'
import type { Sid } from './view.ts'

const none: readonly RunningService[] = []
const nothing: ReadonlyMap<string, OrderResult> = new Map()

export class ReportIndex {
  readonly #of: ReportView
  #running: Map<Sid, RunningService[]> | null = null
  #failures: ReadonlyMap<string, OrderResult> | null = null
  #successes: ReadonlyMap<string, OrderResult> | null = null

  constructor(of: ReportView) {
    this.#of = of
  }

  /** What it says of `sid`, in its order. */
  running(sid: Sid): readonly RunningService[] {
    if (this.#running === null) {
      this.#running = new Map()
      for (const found of this.#of.running) {
        const known = this.#running.get(found.sid)
        if (known) known.push(found)
        else this.#running.set(found.sid, [found])
      }
    }
    return this.#running.get(sid) ?? none
  }

  /** Answers otherwise than `ok`, by order. Few, as a rule. */
  get failures(): ReadonlyMap<string, OrderResult> {
    this.#failures ??= answersIn(this.#of, false)
    return this.#failures
  }

  /** Answers `ok`, by order. */
  get successes(): ReadonlyMap<string, OrderResult> {
    this.#successes ??= answersIn(this.#of, true)
    return this.#successes
  }
}

function answersIn({ results }: ReportView, isOk: boolean): ReadonlyMap<string, OrderResult> {
  let answers: Map<string, OrderResult> | null = null
  for (const result of results)
    if ((result.outcome === 'ok') === isOk) {
      answers ??= new Map()
      answers.set(result.uid, result)
    }
  return answers ?? nothing
}
