// What follows from rules that can be kept (reference 2.13): connected positive rules become one, whoever is kept
// together with a service stays apart from what that one stays apart from, and joins its node affinity.
// The rules must have passed feasibility.ts; in and out are new lists, no rule is changed in place.
import { compareText } from '../grants.ts'
import type { NodeAffinityRule, ResourceAffinityRule, Rule } from '../../../shared/rule.ts'
import type { Sid } from '../view.ts'
import { connectedSets } from './connected-sets.ts'

/** A rule as it counts. `from`: the rules as written that it follows from; itself, where it was only kept. */
export type Kept<R extends Rule = Rule> = R & {
  /** null: as written, but for members that joined. */
  derived: 'merged' | 'implicit_negative' | null
  from: readonly string[]
}

/** Rules as they count, in the order of their ids. */
export type Derived = {
  nodeAffinity: Kept<NodeAffinityRule>[]
  positive: Kept<ResourceAffinityRule>[]
  negative: Kept<ResourceAffinityRule>[]
}

/** The three derivations, in their order. `rules`: feasible and enabled. */
export function derive(rules: readonly Rule[]): Derived {
  const resourceRules = rules.filter((rule) => rule.type === 'resource-affinity')
  const nodeRules = rules.filter((rule) => rule.type === 'node-affinity')
  const positive = merge(resourceRules.filter((rule) => rule.affinity === 'positive'))
  const written = resourceRules.filter((rule) => rule.affinity === 'negative').map(keep)
  return {
    positive: positive.sort(byId),
    negative: [...written, ...implicitNegatives(positive, written)].sort(byId),
    nodeAffinity: joinNodeAffinity(positive, nodeRules).sort(byId),
  }
}

const byId = (a: Rule, b: Rule) => compareText(a.id, b.id)

function keep(rule: ResourceAffinityRule): Kept<ResourceAffinityRule> {
  const resources = [...rule.resources].sort(compareText)
  return { ...rule, resources, derived: null, from: [rule.id] }
}

function merge(rules: readonly ResourceAffinityRule[]): Kept<ResourceAffinityRule>[] {
  return connectedSets(rules).map(({ rules: joined, resources }) => {
    if (joined.length === 1) return keep(joined[0]!)
    const from = joined.map((rule) => rule.id)
    return made('merged', `_merged-${from.join('-')}`, 'positive', resources, from)
  })
}

/** For each service X that a member stays apart from, a rule between X and every member that has none with it yet. */
function implicitNegatives(
  positive: readonly Kept<ResourceAffinityRule>[],
  negative: readonly Kept<ResourceAffinityRule>[],
): Kept<ResourceAffinityRule>[] {
  const negativeOf = new Map<Sid, Kept<ResourceAffinityRule>[]>()
  for (const rule of negative)
    for (const sid of rule.resources) {
      const known = negativeOf.get(sid)
      if (known) known.push(rule)
      else negativeOf.set(sid, [rule])
    }
  return positive.flatMap((set) => {
    const apartFrom = new Map<Sid, { members: Set<Sid>; from: Set<string> }>()
    for (const member of set.resources)
      for (const rule of negativeOf.get(member) ?? [])
        for (const other of rule.resources) {
          if (other === member) continue
          const known = apartFrom.get(other) ?? { members: new Set(), from: new Set() }
          apartFrom.set(other, known)
          known.members.add(member)
          known.from.add(rule.id)
        }
    return [...apartFrom].flatMap(([other, { members, from }]) =>
      set.resources
        .filter((member) => !members.has(member))
        .map((member) =>
          made(
            'implicit_negative',
            `_implicit-negative-${set.id}-${member}-${other}`,
            'negative',
            [member, other].sort(compareText),
            [...set.from, ...from].sort(compareText),
          ),
        ),
    )
  })
}

/** A feasible positive set touches one node affinity rule at most. */
function joinNodeAffinity(
  positive: readonly Kept<ResourceAffinityRule>[],
  nodeRules: readonly NodeAffinityRule[],
): Kept<NodeAffinityRule>[] {
  const setOf = new Map<Sid, Kept<ResourceAffinityRule>>()
  for (const set of positive) for (const sid of set.resources) setOf.set(sid, set)
  return nodeRules.map((rule) => {
    const resources = new Set(rule.resources)
    const from = new Set([rule.id])
    for (const sid of rule.resources) {
      const set = setOf.get(sid)
      if (!set) continue
      for (const member of set.resources) resources.add(member)
      for (const id of set.from) from.add(id)
    }
    return {
      ...rule,
      resources: [...resources].sort(compareText),
      derived: null,
      from: [...from].sort(compareText),
    }
  })
}

function made(
  derived: 'merged' | 'implicit_negative',
  id: string,
  affinity: 'positive' | 'negative',
  resources: readonly Sid[],
  from: readonly string[],
): Kept<ResourceAffinityRule> {
  const common = { disabled: false, comment: '' }
  return {
    ...common,
    id,
    type: 'resource-affinity',
    affinity,
    resources: [...resources],
    derived,
    from,
  }
}
