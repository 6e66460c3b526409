// A census while it is taken: services enter and leave it, one by one. What it was begun with stays as it is; of that,
// only what a service is in is copied. Where a service is listed is told in one place, for entering and for leaving.
import type { Census, Listed, NodeCensus, NodeLoad } from './census.ts'
import { demandOf } from './figures.ts'
import { eachLoadedNode, isMeasuredWithNode } from './loaded-nodes.ts'
import { isSettled } from './settled.ts'
import { put, take } from './sorted-sids.ts'
import { type ServiceType, serviceType } from '../../shared/names.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from './view.ts'

type OwnNode = { sids: Sid[]; settled: Map<ServiceType, Sid[]>; load: NodeLoad }

export class CensusTaking {
  readonly #before: Census | null
  readonly #inView: ClusterView['nodes']
  #settledTypes: Map<ServiceType, number> | null = null
  #sids: Sid[] | null = null
  readonly #lists = new Map<Listed, Sid[]>()
  readonly #nodes = new Map<NodeName, OwnNode>()

  /**
   * @param before the census to begin with; null: an empty one
   * @param inView the nodes of the view that it is taken of
   */
  constructor(before: Census | null, inView: ClusterView['nodes']) {
    this.#before = before
    this.#inView = inView
  }

  /**
   * One service, as it is now. Quickest in the order of their ids.
   * @param old as it is in the census; undefined: it is not
   * @param now undefined: it is no more
   */
  enter(old: ServiceView | undefined, now: ServiceView | undefined): void {
    if (old === now) return
    if (old) this.#list(old, take, -1)
    if (now) this.#list(now, put, 1)
    if (old && now) return
    this.#sids ??= [...(this.#before?.sids ?? [])]
    if (now) put(this.#sids, now.sid)
    else take(this.#sids, old!.sid)
  }

  /**
   * What the services are in now.
   * @param isOtherRoster the view has other nodes than that of the census to begin with
   */
  finish(isOtherRoster: boolean): Omit<Census, 'services' | 'reports'> {
    const nodes = this.#nodesNow()
    const list = (name: Listed) => this.#lists.get(name) ?? this.#before?.lists[name] ?? []
    return {
      sids: this.#sids ?? this.#before?.sids ?? [],
      lists: {
        toManage: list('toManage'),
        probed: list('probed'),
        moving: list('moving'),
        noted: list('noted'),
        ungranted: list('ungranted'),
        unmeasured: list('unmeasured'),
        unsettled: list('unsettled'),
      },
      nodes,
      settledTypes: this.#settledTypes ?? this.#before?.settledTypes ?? new Map(),
      strangers: this.#strangersIn(nodes, isOtherRoster),
    }
  }

  #nodesNow(): Census['nodes'] {
    if (this.#before !== null && this.#nodes.size === 0) return this.#before.nodes
    const nodes = new Map<NodeName, NodeCensus>(this.#before?.nodes)
    for (const [name, node] of this.#nodes) {
      for (const [type, sids] of node.settled) if (sids.length === 0) node.settled.delete(type)
      if (node.sids.length > 0) nodes.set(name, node)
      else nodes.delete(name)
    }
    return nodes
  }

  #strangersIn(nodes: Census['nodes'], isOtherRoster: boolean): ReadonlySet<NodeName> {
    const known = isOtherRoster ? [] : (this.#before?.strangers ?? [])
    const maybe = isOtherRoster ? nodes.keys() : [...known, ...this.#nodes.keys()]
    const strangers = new Set<NodeName>()
    for (const name of maybe)
      if (this.#inView[name] === undefined && nodes.has(name)) strangers.add(name)
    return strangers
  }

  #list(service: ServiceView, change: (list: Sid[], sid: Sid) => void, by: 1 | -1): void {
    const { sid, config, status, grant } = service
    const listed = (name: Listed) => change(this.#own(name), sid)
    if (grant === null) listed('ungranted')
    const isManaged = config !== null && config.requested !== 'ignored'
    if (isManaged !== (status !== null)) listed('toManage')
    if (status !== null) {
      if (status.probeRound !== null) listed('probed')
      if (status.state === 'migrate' || status.state === 'relocate') listed('moving')
      if (status.note !== '') listed('noted')
      if (!isMeasuredWithNode(status)) listed('unmeasured')
    }
    if (isSettled(service)) {
      // Its node is the only one that it is on, held by and loading.
      const node = this.#node(status!.node!)
      const type = serviceType(sid)
      let settled = node.settled.get(type)
      if (!settled) node.settled.set(type, (settled = []))
      change(settled, sid)
      this.#settledTypes ??= new Map(this.#before?.settledTypes)
      const count = (this.#settledTypes.get(type) ?? 0) + by
      if (count === 0) this.#settledTypes.delete(type)
      else this.#settledTypes.set(type, count)
    } else listed('unsettled')
    for (const node of nodesOf(service)) change(this.#node(node).sids, sid)
    if (status === null) return
    const { cpu, memory } = demandOf(service)
    eachLoadedNode(status, (node) => {
      const { load } = this.#node(node)
      load.services += by
      load.cpu += by * cpu
      load.wholes += cpu === 0 ? by : 0
      load.memoryBytes += by * memory
    })
  }

  #own(name: Listed): Sid[] {
    let own = this.#lists.get(name)
    if (!own) this.#lists.set(name, (own = [...(this.#before?.lists[name] ?? [])]))
    return own
  }

  #node(name: NodeName): OwnNode {
    let own = this.#nodes.get(name)
    if (!own) this.#nodes.set(name, (own = ownCopy(this.#before?.nodes.get(name))))
    return own
  }
}

function ownCopy(node: NodeCensus | undefined): OwnNode {
  if (!node) {
    const load = { services: 0, cpu: 0, wholes: 0, memoryBytes: 0 }
    return { sids: [], settled: new Map(), load }
  }
  const settled = new Map(Array.from(node.settled, ([type, sids]) => [type, [...sids]]))
  return { sids: [...node.sids], settled, load: { ...node.load } }
}

/** Where it is located, moving to, or held; each once. */
function nodesOf({ status, grant }: ServiceView): Iterable<NodeName> {
  const nodes = new Set<NodeName>()
  if (status?.node) nodes.add(status.node)
  if (status?.target) nodes.add(status.target)
  for (const holder of grant?.holders ?? []) nodes.add(holder.node)
  return nodes
}
