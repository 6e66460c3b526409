// The services under rules that run where they should, by what their rules say of where they are: so that a decision
// looks at those that stand in each other's way or on the wrong node, and not at all that are under rules. Carried from
// round to round with the census. Must never leave out one whose rules want it elsewhere. Pure.
import { type ServiceType, serviceType } from '../../../shared/names.ts'
import { headingTo, occupies } from '../occupancy.ts'
import { isSettled } from '../settled.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from '../view.ts'
import type { CompiledRules, NodeAffinity, Together } from './compile.ts'

/** Settled services of one type on one node that are under the same node affinity. */
export type Placed = {
  type: ServiceType
  node: NodeName
  affinity: NodeAffinity
  sids: ReadonlySet<Sid>
}

type OwnPlaced = Placed & { sids: Set<Sid> }

export type UnderRules = {
  /** What it was taken of: the very objects. */
  readonly services: Services
  readonly rules: CompiledRules
  /** Of all services under a node affinity, whether or not they are anywhere. */
  readonly types: ReadonlySet<ServiceType>
  /** By node, then by type and rule. */
  readonly placed: ReadonlyMap<NodeName, ReadonlyMap<string, Placed>>
  /** Of those, by all of that: where the rule names other nodes with a higher priority, or does not name this one. */
  readonly belowTop: ReadonlyMap<string, Placed>
  /** How many of a set are at each node or on their way to it. */
  readonly headings: ReadonlyMap<Together, ReadonlyMap<NodeName, number>>
  /** Sets that are not at one node, as far as they are anywhere. */
  readonly scattered: ReadonlySet<Together>
  /** Of settled services: how many of those they stay apart from occupy their node. None are left out. */
  readonly crowded: ReadonlyMap<Sid, number>
}

type Services = Readonly<Record<Sid, ServiceView>>

/** Of the services of a view, by its compiled rules. */
export function takeUnderRules(services: Services, rules: CompiledRules): UnderRules {
  const taking = new Taking({}, rules, null)
  for (const ruled of [rules.nodeAffinity, rules.together, rules.apart])
    for (const sid of ruled.keys()) taking.enter(sid, services[sid])
  return taking.finish(services)
}

/**
 * The same for services that differ from those of `before` in the `touched` ones at most.
 * @param before null, or of other rules: taken anew
 */
export function underRulesAfter(
  before: UnderRules | null,
  { services }: Pick<ClusterView, 'services'>,
  rules: CompiledRules,
  touched: readonly Sid[],
): UnderRules {
  if (before === null || before.rules !== rules) return takeUnderRules(services, rules)
  const { nodeAffinity, together, apart } = rules
  const ruled = touched.filter(
    (sid) => nodeAffinity.has(sid) || together.has(sid) || apart.has(sid),
  )
  if (ruled.length === 0) return { ...before, services }
  // Taking it anew is quicker than to move most of them.
  if (ruled.length * 4 > nodeAffinity.size + together.size + apart.size)
    return takeUnderRules(services, rules)
  const taking = new Taking(before.services, rules, before)
  for (const sid of ruled) taking.enter(sid, services[sid])
  return taking.finish(services)
}

/** While it is taken: what it was begun with stays as it is, and only what a service is in is copied. */
class Taking {
  readonly #before: Services
  readonly #now = new Map<Sid, ServiceView | undefined>()
  readonly #rules: CompiledRules
  readonly #types: ReadonlySet<ServiceType>
  readonly #placed: Map<NodeName, Map<string, OwnPlaced>>
  readonly #belowTop: Map<string, Placed>
  readonly #headings: Map<Together, Map<NodeName, number>>
  readonly #scattered: Set<Together>
  readonly #crowded: Map<Sid, number>
  readonly #own = new Set<unknown>()

  constructor(before: Services, rules: CompiledRules, known: UnderRules | null) {
    this.#before = before
    this.#rules = rules
    // Only their own maps are written to: see #owned.
    this.#types = known?.types ?? new Set(Array.from(rules.nodeAffinity.keys(), serviceType))
    this.#placed = new Map(known?.placed) as never
    this.#belowTop = new Map(known?.belowTop)
    this.#headings = new Map(known?.headings) as never
    this.#scattered = new Set(known?.scattered)
    this.#crowded = new Map(known?.crowded)
  }

  /** One service, as it is now; undefined: it is no more. */
  enter(sid: Sid, now: ServiceView | undefined): void {
    const old = this.#service(sid)
    if (old === now) return
    this.#place(sid, old, -1)
    this.#head(sid, old, -1)
    this.#crowd(sid, old, -1)
    this.#now.set(sid, now)
    this.#place(sid, now, 1)
    this.#head(sid, now, 1)
    this.#crowd(sid, now, 1)
  }

  finish(services: Services): UnderRules {
    return {
      ...{ services, rules: this.#rules, types: this.#types, placed: this.#placed },
      ...{ belowTop: this.#belowTop, headings: this.#headings, scattered: this.#scattered },
      crowded: this.#crowded,
    }
  }

  #service(sid: Sid): ServiceView | undefined {
    return this.#now.has(sid) ? this.#now.get(sid) : this.#before[sid]
  }

  #place(sid: Sid, service: ServiceView | undefined, by: 1 | -1): void {
    const affinity = this.#rules.nodeAffinity.get(sid)
    if (affinity === undefined || service === undefined || !isSettled(service)) return
    const type = serviceType(sid)
    const node = service.status!.node!
    const key = `${type} ${affinity.rule}`
    const groups = this.#owned(this.#placed, node, (known) => new Map(known))
    const group = this.#owned(groups, key, (known) => ({
      ...{ type, node, affinity },
      sids: new Set(known?.sids),
    }))
    if (by > 0) group.sids.add(sid)
    else group.sids.delete(sid)
    const isEmpty = group.sids.size === 0
    if (isEmpty) groups.delete(key)
    if (affinity.named[node] === affinity.topPriority) return
    if (isEmpty) this.#belowTop.delete(`${key} ${node}`)
    else this.#belowTop.set(`${key} ${node}`, group)
  }

  #head(sid: Sid, service: ServiceView | undefined, by: 1 | -1): void {
    const set = this.#rules.together.get(sid)
    const node = service?.status ? headingTo(service.status) : null
    if (set === undefined || node === null) return
    const counts = this.#owned(this.#headings, set, (known) => new Map(known))
    count(counts, node, by)
    if (counts.size > 1) this.#scattered.add(set)
    else this.#scattered.delete(set)
  }

  /** Both ways: who is in its way, and in whose way it is. */
  #crowd(sid: Sid, service: ServiceView | undefined, by: 1 | -1): void {
    if (service === undefined) return
    for (const { sid: partner } of this.#rules.apart.get(sid) ?? []) {
      const other = this.#service(partner)
      if (other === undefined) continue
      if (isInTheWay(other, service)) count(this.#crowded, sid, by)
      if (isInTheWay(service, other)) count(this.#crowded, partner, by)
    }
  }

  /** The part of `map` at `key`, as one that may be written to. */
  #owned<K, V>(map: Map<K, V>, key: K, copy: (known: V | undefined) => V): V {
    const known = map.get(key)
    if (known !== undefined && this.#own.has(known)) return known
    const own = copy(known)
    this.#own.add(own)
    map.set(key, own)
    return own
  }
}

function isInTheWay(one: ServiceView, ofSettled: ServiceView): boolean {
  return isSettled(ofSettled) && occupies(one, ofSettled.status!.node!)
}

/** Nobody is counted as nought. */
function count<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}
