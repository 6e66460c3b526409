// One round of the CRM on a built view, with everything that must hold for every plan checked on the way: it settles,
// it may be cut short after any change, and no prefix of it breaks an invariant.
import { expect } from 'vitest'
import { applyChange, applyPlan } from '../../control-plane/cluster/apply.ts'
import { type Change, formatChange } from '../../control-plane/cluster/change.ts'
import { checkInvariants } from '../../control-plane/cluster/check.ts'
import type { Plan } from '../../control-plane/cluster/plan.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'

export type Played = {
  plan: Plan
  after: ClusterView
  /** One line a change, as the log has them. */
  lines: string[]
}

/** Decides on `view`, applies the plan, and checks what holds for every plan. */
export function play(view: ClusterView): Played {
  const before = JSON.stringify(view)
  const plan = decide(view)
  expect(JSON.stringify(view), 'decide must not touch its input').toBe(before)
  expect(checkInvariants(view)).toEqual([])
  let cut = view
  for (const change of plan.changes) {
    cut = applyChange(cut, change)
    expect(checkInvariants(cut), formatChange(change)).toEqual([])
    decide({ ...cut, round: cut.round + 1 })
  }
  const after = applyPlan(view, plan)
  expect(plan.nextRoundMs === null || plan.nextRoundMs > view.nowMs).toBe(true)
  const again = decide({ ...after, round: after.round + 1 })
  expect(again.changes.map(formatChange), 'a plan must settle').toEqual([])
  expect(again.serviceNotes).toEqual({})
  expect(again.nodeNotes).toEqual({})
  return { plan, after, lines: plan.changes.map(formatChange) }
}

/** The changes of one kind. */
export function ofKind<Kind extends Change['kind']>(
  plan: Plan,
  kind: Kind,
): (Change & { kind: Kind })[] {
  return plan.changes.filter((change): change is Change & { kind: Kind } => change.kind === kind)
}

/** Where the service's state went in this plan, in order. */
export function statesOf(plan: Plan, sid: string): string[] {
  return ofKind(plan, 'service.state')
    .filter((change) => change.sid === sid)
    .map((change) => change.to)
}
