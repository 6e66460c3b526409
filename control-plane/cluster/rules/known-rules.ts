// Compiled rules carried from round to round: compiling thousands of them takes longer than to see that they are the same.
// Must never be believed about rules, groups, nodes or members other than those they were compiled of. Pure.
import { isSameJson } from '../same-json.ts'
import type { ClusterView, NodeName } from '../view.ts'
import { type CompiledRules, compileRules } from './compile.ts'

export type KnownRules = Pick<ClusterView, 'rules' | 'groups'> & {
  nodes: readonly string[]
  /** Groups have members: the very services. */
  services: ClusterView['services']
  compiled: CompiledRules
}

type Ruled = Pick<ClusterView, 'rules' | 'groups' | 'nodes' | 'services'>

/**
 * The rules of `view`, compiled; what is known already, where that is the same. Who decides on the view is to put the
 * rules and groups of the answer into it: by being the same objects they are told from others.
 */
export function rulesAfter(before: KnownRules | null, view: Ruled): KnownRules {
  const { rules, groups, services } = view
  if (
    before !== null &&
    isSameJson(before.rules, rules) &&
    isSameJson(before.groups, groups) &&
    hasSameMembers(before, view)
  )
    return before
  const nodes = Object.keys(view.nodes)
  return { rules, groups, nodes, services, compiled: compileRules(view) }
}

/** Whether they were compiled of this view's: of the same objects. */
export function areRulesOf(known: KnownRules, view: Ruled): boolean {
  return known.rules === view.rules && known.groups === view.groups && hasSameMembers(known, view)
}

function hasSameMembers({ groups, nodes, services }: KnownRules, view: Ruled): boolean {
  const names = Object.keys(view.nodes)
  // Views mostly name them in one order, and looking whether they do is cheaper than to look each of them up.
  const isSame = (name: NodeName, at: number) =>
    names[at] === name || Object.hasOwn(view.nodes, name)
  if (names.length !== nodes.length || !nodes.every(isSame)) return false
  return services === view.services || Object.keys(groups).length === 0
}
