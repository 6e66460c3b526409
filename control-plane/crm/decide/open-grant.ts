// The only place where a decision opens a run grant. Everything that must hold for it is asked here, or asserted by
// the reducer: no other grant, a current lease, no quarantine, and nobody who says that it runs the service already.
import { currentReport, isUnknownGeneration } from '../../cluster/grants.ts'
import type { NodeName, Sid } from '../../cluster/view.ts'
import { claimants } from './claimants.ts'
import { decideChange, type Draft } from './draft.ts'
import { answered, probeObstacle } from './probe.ts'
import { quarantineNote } from './quarantine.ts'
import { setFields } from './transition.ts'

export type Claim = { node: NodeName; generation: number; isCurrent: boolean }

/**
 * Who may be running `sid` by their own word. A node that has just been found dead or to have ended it said so before;
 * but a generation that this database does not know was never closed here, and no evidence was about it: that word
 * stands until the node says otherwise under a newer epoch, or a person vouches for its death.
 */
export function claimsOn(draft: Draft, sid: Sid): Claim[] {
  const service = draft.view.services.get(sid)!
  const claims: Claim[] = []
  for (const { node, found } of claimants(draft, sid)) {
    const { generation } = found
    const isCurrent = currentReport(draft.view.nodes[node]!) !== null
    if (isCurrent || isUnknownGeneration(service, generation))
      claims.push({ node, generation, isCurrent })
  }
  return claims
}

/** Why no grant may be opened for `sid` now, or null. */
export function whyNoGrant(draft: Draft, sid: Sid): string | null {
  const quarantine = quarantineNote(draft)
  if (quarantine !== null) return quarantine
  const obstacle = probeObstacle(draft, sid)
  if (obstacle !== null) return obstacle
  const [claim] = claimsOn(draft, sid)
  if (!claim) return null
  const { node, generation, isCurrent } = claim
  if (isCurrent)
    return `${node} says that it runs ${sid} as generation ${generation}, which is not granted: it must be stopped there first`
  return `${node} last said that it runs ${sid} as generation ${generation}, of a lost history: it must say otherwise, or a person can confirm its death with: ha-manager fence confirm ${node}`
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
  const { status } = draft.view.services.get(sid)!
  // Answered, and of no copy that was found somewhere.
  if (status && (status.probeRound !== null || (status.foundAs ?? null) !== null))
    setFields(draft, sid, answered, why)
}
