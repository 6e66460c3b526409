// A rule as it is answered: what is stored, and whether it counts or is ignored because of conflicts, and which.
import type { RuleBody } from '../../shared/operator-api.ts'
import { type RuleReason, reasonText } from '../cluster/rules/reasons.ts'
import type { ClusterView } from '../cluster/view.ts'
import { infeasibleOf } from '../intake/infeasible.ts'
import type { StoredRule } from './records/rules.ts'

/** `view`: with these rules in it. */
export function ruleBodies(view: ClusterView, rules: readonly StoredRule[]): RuleBody[] {
  const infeasible = infeasibleOf(view)
  return rules.map(({ rule, order, version }) => {
    const conflicts = (infeasible.get(rule.id) ?? []).map(conflict)
    const inUse = !rule.disabled && conflicts.length === 0
    return { ...rule, order, inUse, conflicts, version }
  })
}

function conflict(reason: RuleReason): RuleBody['conflicts'][number] {
  const { code, resource, rules } = reason
  return { code, message: reasonText(reason), rules: [...rules], ...(resource && { resource }) }
}
