// The reducer's part about fence devices: what an order does to a working view, and whether what was reported of it proves
// anything. Must never take a report of another order for one of this.
import { assert } from '../../shared/assert.ts'
import type { Change } from './change.ts'
import { doubtAboutReport, readingGapMs } from './fence-proof.ts'
import { setNode, type WorkingView } from './working-view.ts'
import type { NodeView } from './view.ts'

/** The order replaces the one before: what is still reported of that one proves nothing. */
export function orderFence(view: WorkingView, change: Change & { kind: 'fence.ordered' }): void {
  const node = view.nodes[change.node]
  assert(node, `no node ${change.node}`)
  const { epoch, attempt, uid } = change
  // SAFETY: revoked first (rule 5): whatever is read after this order was given is read of a node that nobody renews.
  assert(
    epoch < node.lease.epoch && node.revocations.some((one) => one.epoch === epoch),
    `node ${node.name} is to be switched off for lease epoch ${epoch}, which is not revoked or holds nothing`,
  )
  const order = { epoch, attempt, uid, orderedMs: view.nowMs, report: null }
  setNode(view, { ...node, fenceOrder: order })
}

/** Why the last order to switch it off is no proof for `epoch`; null: it is. */
export function doubtAboutDevices(
  view: Pick<WorkingView, 'settings'>,
  { fenceDevices, fenceOrder, virtual }: NodeView,
  epoch: number,
): string | null {
  if (!fenceOrder || fenceOrder.epoch !== epoch) return 'no order was given for it'
  if (fenceOrder.report === null) return 'nothing is reported yet'
  const { report } = fenceOrder
  const gapMs = readingGapMs(view.settings.timing)
  const doubt = doubtAboutReport(fenceDevices ?? [], report, { gapMs, canMove: virtual })
  // The schema takes nothing else for evidence.
  return doubt ?? (report.outcome === 'off' ? null : 'it was no proof when it was reported')
}
