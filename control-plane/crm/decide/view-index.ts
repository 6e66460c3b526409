// Lookups over the view as it was read, so that no question costs a pass over all services. Each is made when it is
// first asked for. What the plan changed since is to be read in its view.
import { assert } from '../../../shared/assert.ts'
import type { OrderResult, RunningService } from '../../../shared/protocol.ts'
import type { Census } from '../../cluster/census.ts'
import type { ReportIndex } from '../../cluster/report-index.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'

/** One entry of a node's report of what runs there. */
export type Running = { node: NodeName; found: RunningService }

const nothing: ReadonlyMap<string, OrderResult> = new Map()

/** Of more services than these, all reports are read through; of fewer, each report is asked for each. */
const fewSids = 32

export class ViewIndex {
  readonly #view: ClusterView
  readonly #nodeNames: readonly NodeName[]
  readonly census: Census
  readonly #running = new Map<Sid, Running[]>()

  /**
   * @param nodeNames those of the view, in order
   * @param census of the view
   */
  constructor(view: ClusterView, nodeNames: readonly NodeName[], census: Census) {
    this.#view = view
    this.#nodeNames = nodeNames
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

  #reportOf(node: NodeName): ReportIndex | undefined {
    const known = this.census.reports.get(node)
    assert(
      known?.of === (this.#view.nodes[node]?.report ?? undefined),
      `the report of ${node} is another one`,
    )
    return known
  }

  /** Services located on `node`, moving to it, or held by it. */
  sidsOn(node: NodeName): readonly Sid[] {
    return this.census.nodes.get(node)?.sids ?? []
  }

  /**
   * Which nodes last said that they run `sid`, under whatever lease they had then; by name.
   * @param likely of whom it will be asked as well: one look at the reports finds all of them
   */
  runningAt(sid: Sid, likely: () => Iterable<Sid>): readonly Running[] {
    const known = this.#running.get(sid)
    if (known) return known
    const unknown = [sid, ...likely()].filter((one) => !this.#running.has(one))
    this.#lookFor(new Set(unknown))
    return this.#running.get(sid)!
  }

  #lookFor(sids: ReadonlySet<Sid>): void {
    for (const sid of sids) this.#running.set(sid, [])
    for (const node of this.#nodeNames) {
      const report = this.#reportOf(node)
      if (report === undefined) continue
      if (sids.size > fewSids) {
        for (const found of report.of.running)
          if (sids.has(found.sid)) this.#running.get(found.sid)!.push({ node, found })
      } else
        for (const sid of sids)
          for (const found of report.running(sid)) this.#running.get(sid)!.push({ node, found })
    }
  }
}
