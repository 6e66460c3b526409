// The decision journal: what each round that changed something was given and what it decided, so that it can be replayed.
// A round is never slowed down for it: what is small is stored in the round's own transaction, what is large after the
// commit, from a short queue; what does not fit there is dropped, counted, and seen as missing in the list. Of a large
// cluster a whole view is stored now and then, and what differs from it in between.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import type { Counter } from 'prom-client'
import type { Plan } from '../../cluster/plan.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { withDeadline } from '../deadline.ts'
import { type Base, baseOf, type Difference, differenceOf } from './difference.ts'
import { packAtOnce, packInPieces } from './round-text.ts'
import { insertRound, pruneJournal } from './stored-rounds.ts'

/** In nodes and services: 200 of them take less than a millisecond (10 with 100 services: 0.4 ms). */
export const smallSize = 200
/** What differs by more is stored whole, for the next ones to differ less. */
const mostDifferent = 2_000
/** Few against all that are kept, so that no whole view is pruned before what is completed from it. */
const roundsPerBase = 500
/** Each holds a view in memory until it is stored. */
const mostQueued = 4
const storeDeadlineMs = 10_000
/** After so many rows from the queue the journal is pruned, without waiting for the job. */
const pruneEvery = 20

export type JournalDeps = {
  /** Never the rounds' own connections. */
  sql: postgres.Sql
  log: Logger
  kept?: Counter<'result'>
}

export type JournaledRound = { view: ClusterView; plan: Plan }

/** What is to be written of a round: its view, or how that differs from the one of round `base`. */
type Pending = { round: JournaledRound; text: ClusterView | Difference; base: number | null }

/** The journal of one replica. */
export class RoundJournal {
  readonly #deps: JournalDeps
  /** Of large clusters: what the next rounds are compared with, and how many were. */
  readonly #bases = new Map<number, { base: Base; rounds: number }>()
  #queued = 0
  #stored = 0
  #last: Promise<void> = Promise.resolve()

  constructor(deps: JournalDeps) {
    this.#deps = deps
  }

  /** In the round's transaction. Returns what is to be done after its commit, or null. */
  async record(tx: postgres.TransactionSql, round: JournaledRound): Promise<(() => void) | null> {
    const { view, plan } = round
    if (plan.changes.length === 0) return null
    const whole = { round, text: view, base: null }
    if (sizeOf(view, plan) <= smallSize) return this.#storeNow(tx, whole)
    const base = this.#baseFor(view)
    if (base === null) return () => this.#offer(whole)
    const different = { round, text: differenceOf(view, base), base: base.round }
    const size = sizeOf(different.text, plan)
    if (size > mostDifferent) return () => this.#offer(whole)
    if (size > smallSize) return () => this.#offer(different)
    return this.#storeNow(tx, different)
  }

  /** Resolves when everything queued is stored or given up. */
  idle(): Promise<void> {
    return this.#last
  }

  #baseFor(view: ClusterView): Base | null {
    const kept = this.#bases.get(view.cluster.id)
    if (!kept) return null
    kept.rounds += 1
    if (kept.rounds <= roundsPerBase) return kept.base
    this.#bases.delete(view.cluster.id)
    return null
  }

  async #storeNow(tx: postgres.TransactionSql, pending: Pending): Promise<() => void> {
    const { round, text, base } = pending
    const packed = { view: packAtOnce(text), plan: packAtOnce(round.plan), base }
    if (await insertRound(tx, round.view, packed)) return () => this.#count('with the round')
    return () => this.#offer({ round, text: round.view, base: null })
  }

  #offer(pending: Pending): void {
    const { cluster, round } = pending.round.view
    const about = { clusterId: cluster.id, round }
    if (this.#queued >= mostQueued) {
      this.#count('dropped')
      return this.#deps.log.warn(about, 'round not in the journal: too many at once')
    }
    this.#queued += 1
    this.#last = this.#last.then(async () => {
      try {
        await this.#storeLater(pending)
      } catch (error) {
        // The round stands; only its record is lost.
        this.#count('failed')
        this.#deps.log.warn({ err: error, ...about }, 'round not in the journal')
      } finally {
        this.#queued -= 1
      }
    })
  }

  async #storeLater({ round: { view, plan }, text, base }: Pending): Promise<void> {
    const { sql } = this.#deps
    const packed = { view: await packInPieces(text), plan: await packInPieces(plan), base }
    const isStored = await withDeadline(insertRound(sql, view, packed), storeDeadlineMs)
    // A whole view is what later rounds are compared with; where it went away, the next one is stored whole.
    if (base === null) this.#bases.set(view.cluster.id, { base: baseOf(view), rounds: 0 })
    else if (!isStored) this.#bases.delete(view.cluster.id)
    this.#count(isStored ? 'later' : 'failed')
    this.#stored += 1
    if (this.#stored % pruneEvery === 0) await pruneJournal(sql)
  }

  #count(result: 'with the round' | 'later' | 'dropped' | 'failed'): void {
    this.#deps.kept?.inc({ result })
  }
}

/** How much there is to write, in records; what is smaller counts a fifth. */
function sizeOf(text: ClusterView | Difference, { changes }: Plan): number {
  const small = changes.length + ('base' in text ? Object.keys(text.usages).length : 0)
  const large = Object.keys(text.nodes).length + Object.keys(text.services).length
  return large + Math.ceil(small / 5)
}
