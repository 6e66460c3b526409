// started: is there a better place? Leaves a node in maintenance, returns to the group's preferred nodes, and leaves
// nodes that a restricted group forbids. Moves that fail are tried again later (D7).
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { preferredNodes, priorityIn } from '../groups.ts'
import { startMove } from '../moves.ts'
import { quarantineNote, seconds } from '../quarantine.ts'
import { isSettling } from '../outage.ts'
import { groupOf, place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import type { Managed } from './step.ts'

export function moveIfBetter(draft: Draft, managed: Managed): void {
  const { sid, config, status } = managed
  const current = nodeNamed(draft, status.node)!
  const { fallbackNode } = status
  if (
    fallbackNode !== null &&
    (fallbackNode === current.name ? current.state === 'online' : !nodeNamed(draft, fallbackNode))
  )
    return setFields(draft, sid, { fallbackNode: null }, 'it need not return anywhere')
  if (fallbackNode === null && preferredNodes(draft, sid).best.has(current.name)) return
  // An agent that shuts down or is disarmed ends its services by itself, or holds them.
  if (status.restart || current.lease.mode === 'shutdown' || current.lease.mode === 'disarm') return
  if (quarantineNote(draft) !== null || isSettling(draft)) return
  const { candidates, restrictedOut, note } = place(draft, sid, 'stay')
  const [best] = candidates
  if (best?.node === current.name) return
  if (!best) {
    const isForbidden = priorityIn(groupOf(draft, sid), current.name) === null
    if (!restrictedOut || !isForbidden) return noteService(draft, sid, note)
    const why = `no member of its restricted group ${config.group} is available`
    return toState(draft, sid, 'request_stop', { groupUnavailable: true }, why)
  }
  if (status.retryAtMs !== null && status.retryAtMs > draft.nowMs) {
    lookAgainAt(draft, status.retryAtMs)
    const wait = `tries again in ${seconds(status.retryAtMs - draft.nowMs)}`
    return noteService(
      draft,
      sid,
      `its move to ${best.node} failed ${status.moveFailures} times, ${wait}`,
    )
  }
  const isEmptied = current.state === 'maintenance'
  const why = isEmptied
    ? `${current.name} is in maintenance`
    : `${best.node} is better: ${best.why}`
  const returnsTo = isEmptied
    ? (fallbackNode ?? current.name)
    : best.node === fallbackNode
      ? null
      : fallbackNode
  startMove(draft, sid, best.node, why, { fallbackNode: returnsTo })
}
