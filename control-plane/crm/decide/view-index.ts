// Lookups over the view as it was read, so that no question costs a pass over all services. What the plan changed since is
// to be read in its view.
import type { OrderResult, RunningService } from '../../../shared/protocol.ts'
import type { Census } from '../../cluster/census.ts'
import type { NodeName, Sid } from '../../cluster/view.ts'

/** One entry of a node's report of what runs there. */
export type Running = { node: NodeName; found: RunningService }

const nothing: ReadonlyMap<string, OrderResult> = new Map()

export class ViewIndex {
  readonly census: Census

  /** @param census of the view */
  constructor(census: Census) {
    this.census = census
  }

  /** What `node` answered to the order `uid`. */
  result(node: NodeName, uid: string): OrderResult | null {
    const report = this.#reportOf(node)
    return report?.failures.get(uid) ?? report?.successes.get(uid) ?? null
  }

  /** What `node` answered otherwise than `ok`, by order. Few, as a rule. */
  failures(node: NodeName): ReadonlyMap<string, OrderResult> {
    return this.#reportOf(node)?.failures ?? nothing
  }

  #reportOf(node: NodeName) {
    return this.census.reports.on(node)
  }

  /** Services located on `node`, moving to it, or held by it. */
  sidsOn(node: NodeName): readonly Sid[] {
    return this.census.nodes.get(node)?.sids ?? []
  }

  /** Which nodes last said that they run `sid`, under whatever lease they had then; by name. */
  runningAt(sid: Sid): readonly Running[] {
    return this.census.reports.running
      .at(sid)
      .flatMap((node) =>
        (this.#reportOf(node)?.running(sid) ?? []).map((found) => ({ node, found })),
      )
  }
}
