// Automatic rebalancing (reference 2.15.5): when the load has been too uneven for long enough, one bundle is moved, the
// one whose move balances it best. At most one at a time; while anything moves, nothing else is weighed.
import { nominalRoundMs } from '../../../shared/scheduling.ts'
import type { ServiceView } from '../../cluster/view.ts'
import { decideChange, type Draft, lookAgainAt, withTouched } from './draft.ts'
import { movables } from './movables.ts'
import { startMove } from './moves.ts'
import { isSettling } from './outage.ts'
import { takePartnersAlong } from './partners-along.ts'
import { quarantineNote } from './quarantine.ts'
import { loadsOf } from './scores.ts'
import { bestMove, type Move } from './usage/best-move.ts'
import { imbalanceOf, nodeLoads } from './usage/imbalance.ts'
import type { Loads } from './usage/loads.ts'

/** A round is known by when it was saved, and may have looked at its view so long before: one too many is no harm. */
const longestRoundMs = 250

/** Less than this is no imbalance and no improvement, but rounding. */
const rounding = 1e-9

/** Looks how even the load is, and begins a move when that is called for. */
export function balanceLoad(draft: Draft): void {
  const obstacle = whyNotNow(draft)
  if (obstacle !== null) return setSince(draft, null, obstacle)
  const loads = loadsOf(draft)
  if (loads.mode === 'basic')
    return setSince(draft, null, 'it is not known how loaded every node is')
  const { threshold } = draft.view.settings.scheduling
  const imbalance = imbalanceOf(nodeLoads(loads))
  if (imbalance <= Math.max(threshold, rounding))
    return setSince(draft, null, `imbalance ${text(imbalance)} is no more than ${threshold}`)
  const sinceMs = draft.view.imbalancedSinceMs ?? draft.nowMs
  const isKnown = isDue(draft, sinceMs) && isMeasuredSince(draft, loads, sinceMs)
  const move = isKnown ? worthwhileMove(draft, loads, imbalance) : null
  if (move === null)
    return setSince(draft, sinceMs, `imbalance ${text(imbalance)} exceeds ${threshold}`)
  const { leader, from, to } = move
  const gain = `imbalance ${text(imbalance)} to ${text(move.imbalance)}`
  startMove(draft, leader, to, `rebalancing from ${from}: ${gain}`)
  takePartnersAlong(draft, leader, to, true, false)
  setSince(draft, null, `${leader} moves to ${to}: ${gain}`)
}

const text = (imbalance: number) => imbalance.toFixed(3)

/** Why nothing is weighed in this round, or null. */
function whyNotNow(draft: Draft): string | null {
  const { view } = draft
  const { autoRebalance, mode } = view.settings.scheduling
  if (!autoRebalance || mode === 'basic') return 'automatic rebalancing is off'
  if (view.disarm !== null) return 'the cluster is being disarmed'
  if (quarantineNote(draft) !== null || isSettling(draft)) return 'nothing is placed just now'
  const isMoveQueued = view.commands.some(
    ({ kind, status }) => status === 'pending' && (kind === 'migrate' || kind === 'relocate'),
  )
  const moving = withTouched(draft, draft.index.census.lists.moving)
  if (isMoveQueued || moving.some((sid) => isMoving(view.services.get(sid))))
    return 'services are being moved'
  return null
}

function isMoving(service: ServiceView | undefined): boolean {
  const state = service?.status?.state
  return state === 'migrate' || state === 'relocate'
}

/**
 * Has it been imbalanced for as long as it must be? Where no move helps it is looked for again after as long, and not in
 * every round in between: the round before this one tells whether it was. Our rounds come when there is a reason.
 */
function isDue(draft: Draft, sinceMs: number): boolean {
  const { view, nowMs } = draft
  const holdMs = Math.max(1, view.settings.scheduling.holdRounds) * nominalRoundMs
  const firstMs = sinceMs + holdMs - nominalRoundMs
  const looksUntil = (ms: number) => Math.floor((ms - firstMs) / holdMs)
  lookAgainAt(draft, firstMs + (looksUntil(nowMs) + 1) * holdMs)
  const lastMs = view.lastRoundMs ?? null
  const lastLooks = lastMs === null ? -1 : looksUntil(lastMs - longestRoundMs)
  return nowMs >= firstMs && lastLooks < looksUntil(nowMs)
}

/**
 * Figures of before the last move would move something back. An imbalance is only looked at once nothing moves any more:
 * what was measured in whole since then tells of the cluster as it is.
 */
function isMeasuredSince({ view }: Draft, loads: Loads, sinceMs: number): boolean {
  if (loads.mode !== 'dynamic') return true
  return loads.names.every((name) => {
    const atMs = view.nodes[name]!.usageMs ?? null
    return atMs === null || atMs - nominalRoundMs >= sinceMs
  })
}

function worthwhileMove(draft: Draft, loads: Loads, imbalance: number): Move | null {
  const { method, margin } = draft.view.settings.scheduling
  const move = bestMove(loads, movables(draft, loads), method)
  if (move === null) return null
  const gain = (imbalance - move.imbalance) / imbalance
  // Also under a margin of 0 a move must be good for something, or it would go on for ever.
  return gain < Math.max(margin, rounding) ? null : move
}

function setSince(draft: Draft, sinceMs: number | null, why: string): void {
  if (draft.view.imbalancedSinceMs !== sinceMs)
    decideChange(draft, { kind: 'imbalance.changed', sinceMs, why })
}
