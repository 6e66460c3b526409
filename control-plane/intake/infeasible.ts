// D14: no write makes a rule infeasible, be it the one that is written or another. Pure: the view as it is and as it
// would be, null or a Refusal out. What was infeasible before is not this write's doing, and may be mended in steps.
import { compareText } from '../cluster/grants.ts'
import { findInfeasible, type Infeasible } from '../cluster/rules/feasibility.ts'
import { type Ruled, rulesOf } from '../cluster/rules/group-rules.ts'
import { reasonText, ruleTitle } from '../cluster/rules/reasons.ts'
import { type FieldError, type Refusal, refuse } from './refusal.ts'

/** Refuses what would make rules infeasible, naming all of them and why. */
export function refuseInfeasible(before: Ruled, after: Ruled): Refusal | null {
  const broken = infeasibleOf(after)
  if (broken.size === 0) return null
  const known = infeasibleOf(before)
  const made = [...broken].filter(([id]) => !known.has(id)).sort(([a], [b]) => compareText(a, b))
  if (made.length === 0) return null
  const errors: FieldError[] = made.map(([id, reasons]) => ({
    field: `rules.${id}`,
    message: [...new Set(reasons.map(reasonText))].join('; '),
  }))
  const titles = made.map(([id]) => ruleTitle(id))
  // Of several rules each has its own to say: in one sentence nobody would find it.
  const told = made.length === 1 ? `${titles[0]}: ${errors[0]!.message}` : titles.join(', ')
  return refuse('infeasible-rules', `rules could then not be kept: ${told}`, errors)
}

/** The rules and groups of a view that cannot be kept. */
export function infeasibleOf(view: Ruled): Infeasible {
  return findInfeasible(rulesOf(view), Object.keys(view.nodes))
}
