// On which nodes may a service run, and which of them are best? A node affinity rule, or the group that is one, names
// nodes with priorities; the highest class with an available member counts (reference 2.14, step 1; D3).
import type { NodeAffinity } from '../../cluster/rules/compile.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import { compareText, hasCurrentLease } from '../../cluster/grants.ts'
import type { NodeName, NodeView, Sid } from '../../cluster/view.ts'
import { type ServiceType, serviceType } from '../../../shared/names.ts'
import { compiledRules } from './compiled-rules.ts'
import { type Draft, nodesOf } from './draft.ts'

/** Why a node cannot take a service, whoever its partners are. */
export type Unfit = {
  code: 'state' | 'mode' | 'lease' | 'driver' | 'watchdog' | 'node-affinity'
  /** The rule that says so; null: it is the node itself. */
  rule: string | null
  text: string
}

export type NodeClasses = {
  affinity: NodeAffinity | null
  /** Every available node on which it may run; in the order of names. */
  allowed: ReadonlySet<NodeName>
  /** Those of the best class. */
  best: ReadonlySet<NodeName>
  /** The same in the order of names. */
  bestInOrder: readonly NodeName[]
  /** Why each other node is out. */
  readonly unfit: ReadonlyMap<NodeName, Unfit>
  /** The restricted group none of whose members is available, or null (D1). */
  restrictedOut: string | null
}

/** The nodes for `sid`. Remembered per rule and driver: thousands of services share few answers. */
export function nodeClasses(draft: Draft, sid: Sid): NodeClasses {
  return classesOf(draft, serviceType(sid), affinityOf(draft, sid))
}

/** The nodes for whatever of this type is under no node affinity rule. */
export function classesOfType(draft: Draft, type: ServiceType): NodeClasses {
  return classesOf(draft, type, null)
}

/** The nodes for whatever of this type is under this node affinity; null: under none. */
export function classesOf(
  draft: Draft,
  type: ServiceType,
  affinity: NodeAffinity | null,
): NodeClasses {
  let ofRule = draft.nodeClasses.get(affinity)
  if (!ofRule) {
    ofRule = new Map()
    draft.nodeClasses.set(affinity, ofRule)
  }
  let classes = ofRule.get(type)
  if (!classes) {
    classes = findClasses(draft, type, affinity)
    ofRule.set(type, classes)
  }
  return classes
}

/** The node affinity rule that `sid` is under, or null. */
export function affinityOf(draft: Draft, sid: Sid): NodeAffinity | null {
  return compiledRules(draft).nodeAffinity.get(sid) ?? null
}

function findClasses(draft: Draft, type: ServiceType, affinity: NodeAffinity | null): NodeClasses {
  if (affinity === null) return classesWithoutRule(draft, type)
  const anybody = classesOf(draft, type, null)
  const fit = anybody.allowed
  const named = Object.keys(affinity.named)
    .filter((node) => fit.has(node))
    .sort(compareText)
  const priority = Math.max(...named.map((node) => affinity.named[node]!))
  // What a rule that is not strict does not name ranks below all that it names: it counts when nothing of that is there.
  const isLastResort = named.length === 0 && !affinity.strict
  const best = named.filter((node) => affinity.named[node] === priority)
  return {
    affinity,
    allowed: affinity.strict ? new Set(named) : fit,
    best: isLastResort ? fit : new Set(best),
    bestInOrder: isLastResort ? anybody.bestInOrder : best,
    restrictedOut: affinity.strict && named.length === 0 ? affinity.group : null,
    get unfit() {
      return unfitUnder(draft, type, affinity)
    },
  }
}

function classesWithoutRule(draft: Draft, type: ServiceType): NodeClasses {
  const bestInOrder: NodeName[] = []
  const unfit = new Map<NodeName, Unfit>()
  for (const node of nodesOf(draft)) {
    const obstacle = whyUnfit(node, type, draft.nowMs)
    if (obstacle === null) bestInOrder.push(node.name)
    else unfit.set(node.name, obstacle)
  }
  const allowed = new Set(bestInOrder)
  return { affinity: null, allowed, best: allowed, bestInOrder, unfit, restrictedOut: null }
}

function unfitUnder(draft: Draft, type: ServiceType, affinity: NodeAffinity) {
  const unfit = new Map<NodeName, Unfit>()
  const unfitAnyway = classesOf(draft, type, null).unfit
  for (const name of draft.nodeNames) {
    const isForbidden = affinity.strict && affinity.named[name] === undefined
    const obstacle = isForbidden ? forbidden(affinity) : unfitAnyway.get(name)
    if (obstacle) unfit.set(name, obstacle)
  }
  return unfit
}

function forbidden({ rule, group }: NodeAffinity): Unfit {
  const text = group === null ? `${ruleTitle(rule)} forbids it` : `not in group ${group}`
  return { code: 'node-affinity', rule, text }
}

/** Why nothing of this type may be started on `node`, as a sentence, or null. */
export function whyNotUsable(node: NodeView, type: ServiceType, nowMs: number): string | null {
  return whyUnfit(node, type, nowMs)?.text ?? null
}

function whyUnfit(node: NodeView, type: ServiceType, nowMs: number): Unfit | null {
  const unfit = (code: Unfit['code'], text: string) => ({ code, rule: null, text })
  if (node.state !== 'online') return unfit('state', `it is ${node.state}`)
  if (node.lease.mode !== 'active') return unfit('mode', `its agent is in mode ${node.lease.mode}`)
  if (!hasCurrentLease(node, nowMs)) return unfit('lease', 'it has no lease')
  if (!node.drivers.includes(type)) return unfit('driver', `it has no driver for ${type}`)
  const { watchdog } = node
  if (watchdog.class === 'none')
    return unfit('watchdog', `it has no watchdog${watchdog.note ? `: ${watchdog.note}` : ''}`)
  return null
}
