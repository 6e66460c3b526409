// Lookups over the view as it was read, so that no question costs a pass over all services. Each is made when it is
// first asked for: a quiet round asks for one of them only. What the plan changed since is to be read in its view.
import type { OrderResult } from '../../../shared/protocol.ts'
import { compareText } from '../../cluster/grants.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'

type Place = { node: NodeName; generation: number }

export class ViewIndex {
  readonly #view: ClusterView
  readonly #failures = new Map<NodeName, Map<string, OrderResult>>()
  readonly #successes = new Map<NodeName, Map<string, OrderResult>>()
  #sids: Map<NodeName, Set<Sid>> | null = null
  #running: Map<Sid, Place[]> | null = null

  constructor(view: ClusterView) {
    this.#view = view
  }

  /** What `node` answered to the order `uid`. */
  result(node: NodeName, uid: string): OrderResult | null {
    return this.failure(node, uid) ?? this.#lookUp(this.#successes, node, uid, true)
  }

  /** The same, where a success would be no news. Cheaper, because failures are few. */
  failure(node: NodeName, uid: string): OrderResult | null {
    return this.#lookUp(this.#failures, node, uid, false)
  }

  #lookUp(
    known: Map<NodeName, Map<string, OrderResult>>,
    node: NodeName,
    uid: string,
    isOk: boolean,
  ): OrderResult | null {
    let results = known.get(node)
    if (!results) {
      results = new Map()
      for (const result of this.#view.nodes[node]?.report?.results ?? [])
        if ((result.outcome === 'ok') === isOk) results.set(result.uid, result)
      known.set(node, results)
    }
    return results.get(uid) ?? null
  }

  /** Services located on `node`, moving to it, or held by it. */
  sidsOn(node: NodeName): Iterable<Sid> {
    this.#sids ??= indexSids(this.#view)
    return this.#sids.get(node) ?? []
  }

  /** Which nodes last said that they run `sid`, and as which generation; under whatever lease they had then. */
  runningAt(sid: Sid): readonly Place[] {
    this.#running ??= indexRunning(this.#view)
    return this.#running.get(sid) ?? []
  }
}

function indexSids(view: ClusterView): Map<NodeName, Set<Sid>> {
  const index = new Map<NodeName, Set<Sid>>()
  const add = (node: NodeName, sid: Sid) => {
    const sids = index.get(node)
    if (sids) sids.add(sid)
    else index.set(node, new Set([sid]))
  }
  for (const sid in view.services) {
    const { status, grant } = view.services[sid]!
    if (status?.node) add(status.node, sid)
    if (status?.target) add(status.target, sid)
    for (const holder of grant?.holders ?? []) add(holder.node, sid)
  }
  return index
}

function indexRunning(view: ClusterView): Map<Sid, Place[]> {
  const index = new Map<Sid, Place[]>()
  for (const node of Object.keys(view.nodes).sort(compareText)) {
    for (const { sid, generation } of view.nodes[node]!.report?.running ?? []) {
      const place = { node, generation }
      const places = index.get(sid)
      if (places) places.push(place)
      else index.set(sid, [place])
    }
  }
  return index
}
