// Rules that share services, directly or through others, as one set. A true union: a rule that joins two chains makes
// one of them, in whatever order they come. Pure lookups; says nothing about what such a set means.
import { compareText } from '../grants.ts'
import type { Sid } from '../view.ts'

type Named = { id: string; resources: readonly Sid[] }

export type ConnectedSet<R extends Named> = {
  /** In the order of their lowest service, then of their ids. */
  rules: readonly R[]
  /** In order. */
  resources: readonly Sid[]
}

/** The connected sets of `rules`, in the order of their lowest services. */
export function connectedSets<R extends Named>(rules: readonly R[]): ConnectedSet<R>[] {
  const sorted = inOrderOfLowest(rules)
  const parents = sorted.map((_, index) => index)
  const rootOf = (index: number): number => {
    let root = index
    while (parents[root] !== root) root = parents[root]!
    for (let at = index; at !== root; ) {
      const next = parents[at]!
      parents[at] = root
      at = next
    }
    return root
  }
  const seenIn = new Map<Sid, number>()
  for (const [index, rule] of sorted.entries())
    for (const sid of rule.resources) {
      const other = seenIn.get(sid)
      if (other === undefined) seenIn.set(sid, index)
      else join(parents, rootOf(other), rootOf(index))
    }
  const members = new Map<number, R[]>()
  for (const [index, rule] of sorted.entries()) {
    const root = rootOf(index)
    const known = members.get(root)
    if (known) known.push(rule)
    else members.set(root, [rule])
  }
  return [...members.values()].map((joined) => ({
    rules: joined,
    resources: [...new Set(joined.flatMap((rule) => rule.resources))].sort(compareText),
  }))
}

/** The lower index stays the root, so that sets come in the order of their first rules. */
function join(parents: number[], a: number, b: number): void {
  if (a < b) parents[b] = a
  else parents[a] = b
}

function inOrderOfLowest<R extends Named>(rules: readonly R[]): R[] {
  const lowest = (rule: R) => rule.resources.reduce((a, b) => (compareText(b, a) < 0 ? b : a))
  return rules
    .filter((rule) => rule.resources.length > 0)
    .map((rule) => ({ rule, first: lowest(rule) }))
    .sort((a, b) => compareText(a.first, b.first) || compareText(a.rule.id, b.rule.id))
    .map(({ rule }) => rule)
}
