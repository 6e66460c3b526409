// started: is there a better place? Leaves a node in maintenance, returns to the group's preferred nodes, and leaves
// nodes that a restricted group forbids. Moves that fail are tried again later (D7).
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { movesLive } from '../../../../shared/specs/service-specs.ts'
import { affinityOf } from '../node-classes.ts'
import { goesLive, startMove } from '../moves.ts'
import { quarantineNote, seconds } from '../quarantine.ts'
import { isSettling } from '../outage.ts'
import { expectAt } from '../partners.ts'
import { isPlacedWell, place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import type { Sid } from '../../../cluster/view.ts'
import type { Managed } from './step.ts'

export function moveIfBetter(draft: Draft, managed: Managed): void {
  const { sid, service, config, status } = managed
  const current = nodeNamed(draft, status.node)!
  const { fallbackNode } = status
  if (
    fallbackNode !== null &&
    (fallbackNode === current.name ? current.state === 'online' : !nodeNamed(draft, fallbackNode))
  )
    return setFields(draft, sid, { fallbackNode: null }, 'it need not return anywhere')
  if (isPlacedWell(draft, draft.view.services.get(sid)!)) return
  // An agent that shuts down or is disarmed ends its services by itself, or holds them.
  if (status.restart || current.lease.mode === 'shutdown' || current.lease.mode === 'disarm') return
  if (quarantineNote(draft) !== null || isSettling(draft)) return
  const { node: best, why: whyBest, restrictedOut, note } = place(draft, sid, 'stay')
  if (best === current.name || best === null) expectAt(draft, sid, null)
  if (best === current.name) {
    if (note !== '') noteService(draft, sid, note)
    return
  }
  if (best === null) {
    const isForbidden = affinityOf(draft, sid)?.priorities.has(current.name) === false
    if (restrictedOut === null || !isForbidden) return noteService(draft, sid, note)
    return stopForGroup(draft, sid, restrictedOut)
  }
  if (status.retryAtMs !== null && status.retryAtMs > draft.nowMs) {
    lookAgainAt(draft, status.retryAtMs)
    const wait = `tries again in ${seconds(status.retryAtMs - draft.nowMs)}`
    return noteService(
      draft,
      sid,
      `its move to ${best} failed ${status.moveFailures} times, ${wait}`,
    )
  }
  // A move that comes too early for a live one would stop what is just coming up.
  if (service.grant !== null && movesLive(sid, config.spec) && !goesLive(draft, sid)) {
    expectAt(draft, sid, best)
    return noteService(draft, sid, `moves to ${best} as soon as it is known to run`)
  }
  const isEmptied = current.state === 'maintenance'
  const why = isEmptied ? `${current.name} is in maintenance` : `${best} is better: ${whyBest}`
  if (!startMove(draft, sid, best, why)) expectAt(draft, sid, best)
}

/** D1: it is stopped until a member of its restricted group is available. */
export function stopForGroup(draft: Draft, sid: Sid, group: string): void {
  const why = noMember(group)
  toState(draft, sid, 'request_stop', { groupUnavailable: true }, why)
}

export function noMember(group: string): string {
  return `no member of its restricted group ${group} is available`
}
