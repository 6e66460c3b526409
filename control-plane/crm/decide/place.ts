// Where should a service run? Gathers what there is to weigh, lets select.ts choose and says why. Proposes; opens and
// moves nothing.
import { staysOn } from '../../cluster/occupancy.ts'
import type { NodeName, ServiceView, Sid } from '../../cluster/view.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'
import { nodeClasses } from './node-classes.ts'
import { whyNowhere, whyParted, whyThere } from './placement-explained.ts'
import { areTogetherAt, isOccupiedByOther } from './partners.ts'
import { questionFor } from './question.ts'
import { isWellPlaced, type Preference, select } from './select.ts'

export type Placement = {
  /** null: nowhere. */
  node: NodeName | null
  /** Why there. */
  why: string
  /** D1: the restricted group none of whose members is available, or null. */
  restrictedOut: string | null
  /** Why nowhere, node by node; of a node, why it is not with its partners there. Empty: nothing is to be said. */
  note: string
}

/** The node that should take `sid` now. */
export function place(draft: Draft, sid: Sid, preference: Preference): Placement {
  const question = questionFor(draft, sid, preference)
  const choice = select(question)
  const { restrictedOut } = nodeClasses(draft, sid)
  if (choice.node === null) {
    const note = whyNowhere(draft, sid, question, choice)
    return { node: null, why: '', restrictedOut, note }
  }
  const why = whyThere(draft, sid, question, choice)
  return { node: choice.node, why, restrictedOut, note: whyParted(draft, sid, question, choice) }
}

/** Is it where it is best? Quick, and asked of every running service in every round. */
export function isPlacedWell(draft: Draft, { sid, status }: ServiceView): boolean {
  const node = status?.node ?? null
  if (status === null || node === null || draft.expected.has(sid)) return false
  if (status.fallbackNode === null && nodeClasses(draft, sid).best.has(node)) {
    if (isOccupiedByOther(draft, sid, node)) return false
    if (areTogetherAt(draft, sid, node)) return true
  }
  return isWellPlaced(questionFor(draft, sid, 'stay'))
}

/**
 * Nowhere is better, and where it is only services object that are about to leave: it may start there as it may stay
 * (reference T24). Node affinity is not to be stretched like that.
 */
export function mayStartWhereItIs(draft: Draft, sid: Sid): boolean {
  const node = draft.view.services.get(sid)!.status?.node ?? null
  if (node === null || !nodeClasses(draft, sid).allowed.has(node)) return false
  return (compiledRules(draft).apart.get(sid) ?? []).every(({ sid: partner }) => {
    const service = draft.view.services.get(partner)
    // One without a grant waits for the same place: whoever is asked first takes it, or both would wait for ever.
    return !service || service.grant === null || !staysOn(service, node)
  })
}
