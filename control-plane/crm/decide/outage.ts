// After an outage in which nobody renewed, the first node that comes back would be given everything. So: nobody is
// fenced and nothing is placed anew until all nodes are back or `settleMs` has passed.
import type { NodeView } from '../../cluster/view.ts'
import { decideChange, type Draft, lookAgainAt, nodesOf } from './draft.ts'
import { isRenewing, isToBeEmptied } from './node-states.ts'
import { surveyOf } from './survey.ts'

/** Notices the end of an outage, and the end of the wait after it. */
export function judgeOutage(draft: Draft): void {
  const { view, nowMs } = draft
  const { settleMs } = view.settings.timing
  const { served, renewing } = surveyOf(draft)
  if (view.quietSinceMs !== null) {
    const untilMs = view.quietSinceMs + settleMs
    if (renewing > 0 && renewing === served)
      decideChange(draft, {
        kind: 'outage.over',
        sinceMs: null,
        why: `all ${renewing} nodes renew`,
      })
    else if (nowMs >= untilMs)
      decideChange(draft, {
        kind: 'outage.over',
        sinceMs: null,
        why: `${renewing} of ${served} nodes renew, and ${settleMs} ms have passed`,
      })
    else lookAgainAt(draft, untilMs)
    return
  }
  if (renewing === served || !nobodyRenewed(draft)) return
  const isUsable = nodesOf(draft).some(
    (node) => hasServed(node) && isRenewing(draft, node) && !isToBeEmptied(draft.view, node),
  )
  if (!isUsable) return
  const why = `nobody renewed, now ${renewing} of ${served} nodes do: placement waits for the others`
  decideChange(draft, { kind: 'outage.over', sinceMs: nowMs, why })
  lookAgainAt(draft, nowMs + settleMs)
}

/** Placement has not settled yet. */
export function isSettling(draft: Draft): boolean {
  return draft.view.quietSinceMs !== null
}

/** Was heard once. No change of its lease takes that back. */
function hasServed({ lease }: NodeView): boolean {
  return lease.reportedMs !== null
}

/** By the last round's judgement; where no round ran for long, that judgement is worth nothing. */
function nobodyRenewed(draft: Draft): boolean {
  const { view, nowMs } = draft
  const lastRoundMs = view.lastRoundMs ?? null
  // While any node is online, a round comes by the time it may turn silent: twice that is no mere lateness.
  const longMs = 2 * view.settings.timing.silentMs
  if (lastRoundMs !== null && nowMs - lastRoundMs >= longMs) return true
  // One in maintenance takes nothing, and may be off: it says nothing about an outage.
  return !Object.values(view.nodes).some(({ state }) => state === 'online')
}
