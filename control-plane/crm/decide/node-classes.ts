// On which nodes may a service run, and which of them are best? A node affinity rule, or the group that is one, names
// nodes with priorities; the highest class with an available member counts (reference 2.14, step 1; D3).
import type { NodeAffinity } from '../../cluster/rules/compile.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import { hasCurrentLease } from '../../cluster/grants.ts'
import type { NodeName, NodeView, Sid } from '../../cluster/view.ts'
import { type ServiceType, serviceType } from '../../../shared/names.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'

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
  unfit: ReadonlyMap<NodeName, Unfit>
  /** The restricted group none of whose members is available, or null (D1). */
  restrictedOut: string | null
}

/** The nodes for `sid`. Remembered per rule and driver: thousands of services share few answers. */
export function nodeClasses(draft: Draft, sid: Sid): NodeClasses {
  const affinity = affinityOf(draft, sid)
  const type = serviceType(sid)
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
  const allowed = new Set<NodeName>()
  const unfit = new Map<NodeName, Unfit>()
  let best = new Set<NodeName>()
  let bestPriority = Number.NEGATIVE_INFINITY
  for (const name of draft.nodeNames) {
    const priority = affinity === null ? 0 : affinity.priorities.get(name)
    const obstacle =
      priority === undefined
        ? forbidden(affinity!)
        : whyUnfit(draft.view.nodes[name]!, type, draft.nowMs)
    if (priority === undefined || obstacle !== null) {
      unfit.set(name, obstacle!)
      continue
    }
    allowed.add(name)
    if (priority > bestPriority) {
      best = new Set()
      bestPriority = priority
    }
    if (priority === bestPriority) best.add(name)
  }
  const isOut = affinity !== null && affinity.strict && best.size === 0
  return { affinity, allowed, best, unfit, restrictedOut: isOut ? affinity.group : null }
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
  if (node.watchdog.class === 'none') return unfit('watchdog', 'it has no watchdog')
  return null
}
