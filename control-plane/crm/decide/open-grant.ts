// The only place where a decision opens a run grant. Everything that must hold for it is asked here, or asserted by
// the reducer: no other grant, a current lease, no quarantine, and nobody who says that it runs the service already.
import type { NodeName, Sid } from '../../cluster/view.ts'
import { decideChange, type Draft } from './draft.ts'
import { quarantineNote } from './quarantine.ts'

/** Why no grant may be opened for `sid` now, or null. */
export function whyNoGrant(draft: Draft, sid: Sid): string | null {
  const quarantine = quarantineNote(draft)
  if (quarantine !== null) return quarantine
  for (const { node, generation } of draft.index.runningAt(sid)) {
    // A node that has just been found dead or to have ended it said so before.
    const { lease, report } = draft.view.nodes[node]!
    if (lease.bootId === null || report?.epoch !== lease.epoch) continue
    return `${node} says that it runs ${sid} as generation ${generation}, which is not granted: it must be stopped there first`
  }
  return null
}

/** Opens the next generation for `sid` on `node`. `whyNoGrant` must have returned null in this plan. */
export function openGrant(draft: Draft, sid: Sid, node: NodeName, why: string): void {
  decideChange(draft, {
    kind: 'grant.opened',
    sid,
    generation: draft.view.nextGeneration,
    node,
    epoch: draft.view.nodes[node]!.lease.epoch,
    why,
  })
}
