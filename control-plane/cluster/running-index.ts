// Which nodes say that they run a service, over all reports. Made when it is first asked or carried on; what new reports
// say otherwise is laid over it then, until that is so much that it is made anew. Pure.
import { compareText } from './grants.ts'
import type { ReportView } from './node-words.ts'
import type { ClusterView, NodeName, Sid } from './view.ts'

/** A report in the place of another. null: none. */
export type NewReport = { node: NodeName; old: ReportView | null; now: ReportView | null }

type Where = ReadonlyMap<Sid, readonly NodeName[]>

const nowhere: readonly NodeName[] = []

type Made = { base: Where; over: Where }

export class RunningIndex {
  /** What it is made of, until it is made. */
  #nodes: ClusterView['nodes'] | null
  #made: Made | null

  /** Of the reports of these nodes. */
  constructor(nodes: ClusterView['nodes'], made: Made | null = null) {
    this.#nodes = made === null ? nodes : null
    this.#made = made
  }

  /** The nodes that say they run `sid`; by name. */
  at(sid: Sid): readonly NodeName[] {
    const { base, over } = this.#make()
    return over.get(sid) ?? base.get(sid) ?? nowhere
  }

  /** Of `nodes`, which differ from the ones it was made of in these reports. */
  after(nodes: ClusterView['nodes'], fresh: readonly NewReport[]): RunningIndex {
    const { base, over: known } = this.#make()
    const over = new Map(known)
    const at = (sid: Sid) => over.get(sid) ?? base.get(sid) ?? nowhere
    for (const { node, old, now } of fresh) {
      if (runTheSame(old, now)) continue
      const [before, after] = [sidsIn(old), sidsIn(now)]
      for (const sid of before)
        if (!after.has(sid))
          over.set(
            sid,
            at(sid).filter((one) => one !== node),
          )
      for (const sid of after)
        if (!before.has(sid)) over.set(sid, [...at(sid), node].sort(compareText))
    }
    // Making it anew is quicker than to carry on most of it.
    const isMost = over.size * 4 > base.size + 400
    return new RunningIndex(nodes, isMost ? null : { base, over })
  }

  #make(): Made {
    this.#made ??= { base: whereRunning(this.#nodes!), over: new Map() }
    this.#nodes = null
    return this.#made
  }
}

function whereRunning(nodes: ClusterView['nodes']): Map<Sid, NodeName[]> {
  const where = new Map<Sid, NodeName[]>()
  for (const node of Object.keys(nodes).sort(compareText))
    for (const sid of sidsIn(nodes[node]!.report)) {
      const known = where.get(sid)
      if (known) known.push(node)
      else where.set(sid, [node])
    }
  return where
}

/** Each once, whatever is said of it. */
function sidsIn(report: ReportView | null): Set<Sid> {
  return new Set(report?.running.map(({ sid }) => sid))
}

/** The same services in the same order: mostly only what is said of them is new. */
function runTheSame(old: ReportView | null, now: ReportView | null): boolean {
  const [left, right] = [old?.running ?? [], now?.running ?? []]
  return left.length === right.length && left.every(({ sid }, at) => sid === right[at]!.sid)
}
