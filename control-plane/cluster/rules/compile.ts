// Rules as lookups: for each service the nodes it may use with their priorities, and its partners. Made once for a
// decision; thousands of services share one answer. Pure.
import { compareText } from '../grants.ts'
import type { ResourceAffinityRule, Rule } from '../../../shared/rule.ts'
import type { NodeName, Sid } from '../view.ts'
import { derive, type Kept } from './derive.ts'
import { findInfeasible, type Infeasible } from './feasibility.ts'
import { type Ruled, rulesOf } from './group-rules.ts'
import { groupOfRule } from './reasons.ts'

/** One node affinity rule; the same object for every service under it. */
export type NodeAffinity = {
  rule: string
  /** The group that the rule is, or null. */
  group: string | null
  strict: boolean
  /** Priorities of the nodes that the rule names. */
  named: Readonly<Record<NodeName, number>>
  /** The highest of them. */
  topPriority: number
  /** Priorities of the nodes that may be used. Of a rule that is not strict, every other node with -1. */
  readonly priorities: ReadonlyMap<NodeName, number>
}

/** Services that are kept together; the same object for each of them. */
export type Together = { rule: string; from: readonly string[]; sids: readonly Sid[] }

/** One partner to stay apart from, and the rules as written that say so. */
export type Apart = { sid: Sid; from: readonly string[] }

export type CompiledRules = {
  infeasible: Infeasible
  /** What counts: the enabled rules that can be kept, and what follows from them; by id. */
  kept: readonly Kept[]
  nodeAffinity: ReadonlyMap<Sid, NodeAffinity>
  together: ReadonlyMap<Sid, Together>
  /** In the order of partners; each once. */
  apart: ReadonlyMap<Sid, readonly Apart[]>
}

const noRules: CompiledRules = {
  infeasible: new Map(),
  kept: [],
  nodeAffinity: new Map(),
  together: new Map(),
  apart: new Map(),
}

/** The rules and groups of a view, ready to be asked. */
export function compileRules(view: Ruled): CompiledRules {
  return compile(rulesOf(view), Object.keys(view.nodes).sort(compareText))
}

/** `rules` for a cluster of `nodes`. Disabled ones count for nothing, and neither do those that cannot be kept. */
export function compile(rules: readonly Rule[], nodes: readonly NodeName[]): CompiledRules {
  if (rules.length === 0) return noRules
  const infeasible = findInfeasible(rules, nodes)
  const feasible = rules.filter((rule) => !rule.disabled && !infeasible.has(rule.id))
  const { nodeAffinity, positive, negative } = derive(feasible)
  const kept: Kept[] = [...nodeAffinity, ...positive, ...negative]
  const affinityOf = new Map<Sid, NodeAffinity>()
  for (const { id, resources, nodes: named, strict } of nodeAffinity) {
    const affinity = affinityFor(id, strict, named, nodes)
    for (const sid of resources) affinityOf.set(sid, affinity)
  }
  const together = new Map<Sid, Together>()
  for (const { id, from, resources: sids } of positive) {
    const set = { rule: id, from, sids }
    for (const sid of sids) together.set(sid, set)
  }
  return {
    infeasible,
    kept: kept.sort((a, b) => compareText(a.id, b.id)),
    nodeAffinity: affinityOf,
    together,
    apart: partnersApart(negative),
  }
}

/** Of many rules over many nodes few are ever asked about a node that they do not name: spelt out only then. */
function affinityFor(
  rule: string,
  strict: boolean,
  named: Readonly<Record<NodeName, number>>,
  nodes: readonly NodeName[],
): NodeAffinity {
  let priorities: Map<NodeName, number> | null = null
  return {
    ...{ rule, group: groupOfRule(rule), strict, named },
    topPriority: Math.max(...Object.values(named)),
    get priorities() {
      priorities ??= new Map([
        ...(strict ? [] : nodes.map((node) => [node, -1] as const)),
        ...Object.entries(named),
      ])
      return priorities
    },
  }
}

function partnersApart(negative: readonly Kept<ResourceAffinityRule>[]): Map<Sid, Apart[]> {
  const found = new Map<Sid, Map<Sid, readonly string[]>>()
  for (const { resources, from } of negative)
    for (const sid of resources) {
      let partners = found.get(sid)
      if (!partners) found.set(sid, (partners = new Map()))
      for (const other of resources) {
        if (other === sid) continue
        const known = partners.get(other)
        // Mostly one rule says so, and its list is shared.
        const all = known === undefined ? from : [...new Set([...known, ...from])].sort(compareText)
        partners.set(other, all)
      }
    }
  const apart = new Map<Sid, Apart[]>()
  for (const [sid, partners] of found)
    apart.set(
      sid,
      Array.from(partners, ([other, from]) => ({ sid: other, from })).sort((a, b) =>
        compareText(a.sid, b.sid),
      ),
    )
  return apart
}
