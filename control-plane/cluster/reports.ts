// What the nodes of a view report, taken together: lookups into each report, who runs what, and where something failed.
// Carried from round to round: of a report that is the same object nothing is looked at again, for such are never changed
// in place. Pure.
import type { ReportView } from './node-words.ts'
import { ReportIndex } from './report-index.ts'
import { type NewReport, RunningIndex } from './running-index.ts'
import type { ClusterView, NodeName } from './view.ts'

type Nodes = ClusterView['nodes']
type Places = ReadonlyMap<NodeName, number>

type Parts = {
  /** The nodes of the view, as it names them. */
  names: readonly NodeName[]
  /** What it was taken of, by the place in `names`: the very objects. */
  of: readonly (ReportView | null)[]
  indexes: readonly (ReportIndex | null)[]
  /** Nodes that answered some order otherwise than `ok`. */
  failing: ReadonlySet<NodeName>
  running: RunningIndex
  places: Places | null
}

export class Reports {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Of the nodes of a view. */
  static take(nodes: Nodes): Reports {
    const all = Object.values(nodes)
    const of = all.map(({ report }) => report)
    const indexes = of.map((report) => report && new ReportIndex(report))
    const names = all.map(({ name }) => name)
    const failing = new Set(names.filter((_, place) => hasFailures(indexes[place]!)))
    const running = new RunningIndex(nodes)
    return new Reports({ names, of, indexes, failing, running, places: null })
  }

  get names(): readonly NodeName[] {
    return this.#parts.names
  }

  get failing(): ReadonlySet<NodeName> {
    return this.#parts.failing
  }

  /** The nodes that say they run a service. */
  get running(): RunningIndex {
    return this.#parts.running
  }

  /** Lookups into what `node` reports; null: it reports nothing, or is not in the view. */
  on(node: NodeName): ReportIndex | null {
    const { names, indexes } = this.#parts
    const places = (this.#parts.places ??= new Map(names.map((name, place) => [name, place])))
    const place = places.get(node)
    return place === undefined ? null : indexes[place]!
  }

  /** The same of a later view. */
  after(nodes: Nodes): Reports {
    const all = Object.values(nodes)
    if (!this.#isNamed(all)) return Reports.take(nodes)
    const before = this.#parts
    const fresh: (NewReport & { place: number })[] = []
    all.forEach(({ name, report: now }, place) => {
      const old = before.of[place]!
      if (now !== old) fresh.push({ node: name, old, now, place })
    })
    if (fresh.length === 0) return this
    const [of, indexes, failing] = [[...before.of], [...before.indexes], new Set(before.failing)]
    for (const { node, now, place } of fresh) {
      const index = now && new ReportIndex(now)
      of[place] = now
      indexes[place] = index
      if (hasFailures(index)) failing.add(node)
      else failing.delete(node)
    }
    const running = before.running.after(nodes, fresh)
    return new Reports({ ...before, of, indexes, failing, running })
  }

  /** Whether they are those of these nodes: the very objects. */
  areOf(nodes: Nodes): boolean {
    const { of } = this.#parts
    const all = Object.values(nodes)
    return this.#isNamed(all) && all.every(({ report }, place) => report === of[place])
  }

  #isNamed(nodes: readonly { name: NodeName }[]): boolean {
    const { names } = this.#parts
    return names.length === nodes.length && nodes.every(({ name }, place) => name === names[place])
  }
}

function hasFailures(index: ReportIndex | null): boolean {
  return index !== null && index.failures.size > 0
}
