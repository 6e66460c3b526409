// started: should run. Asked in this order: can its node answer at all, is it still wanted, what did the agent say,
// has it a grant, and is there a better place.
import { holderOn, otherHolder } from '../../../cluster/grants.ts'
import type { NodeName } from '../../../cluster/view.ts'
import { type Draft, lookAgainAt, newId, nodeNamed, noteService } from '../draft.ts'
import { isOperational, mayBeBack } from '../node-states.ts'
import { openGrant, whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { whyNotYetOn } from '../partners.ts'
import { startMove } from '../moves.ts'
import { mayStartWhereItIs, place } from '../place.ts'
import { seconds } from '../quarantine.ts'
import { setFields, toState } from '../transition.ts'
import { freezeIfAgentRestarts } from './freeze.ts'
import { waitForRoster } from './recovery.ts'
import { moveIfBetter, stopForGroup } from './started-place.ts'
import { takeResult } from './started-result.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

export function stepStarted(draft: Draft, managed: Managed): void {
  const { sid, service, status } = managed
  if (service.grant !== null && !isOperational(draft, status.node)) {
    if (!draft.serviceNotes.has(sid)) noteService(draft, sid, silence(draft, managed))
    return
  }
  if (service.grant === null && isWanted(managed) && hasLeft(draft, managed))
    return leaveNode(draft, managed)
  if (freezeIfAgentRestarts(draft, managed)) return
  if (!isWanted(managed)) {
    const stopTimeoutMs = draft.stopTimeouts.get(sid) ?? null
    return toState(draft, sid, 'request_stop', { stopTimeoutMs }, unwantedWhy(managed))
  }
  // Granted, and not known to run where it is granted: nothing of it is touched before that is known (D8).
  if (service.grant !== null && status.probeRound !== null) {
    if (!draft.serviceNotes.has(sid))
      noteService(draft, sid, 'waits for the nodes to say where it runs')
    return
  }
  if (takeResult(draft, managed)) return
  if (service.grant === null) return giveGrant(draft, managed)
  if (holderOn(service.grant, status.node) === undefined) {
    const { generation, holders } = service.grant
    const nodes = holders.map((holder) => holder.node).join(' ')
    return noteService(draft, sid, `waits for ${nodes} to end generation ${generation}`)
  }
  const other = otherHolder(service.grant, status.node)
  if (other === undefined) return moveIfBetter(draft, managed)
  if (draft.serviceNotes.has(sid)) return
  const wait = `waits for ${other.node} to end its half of a move that failed`
  noteService(draft, sid, status.running ? wait : `${wait}, before it may start`)
}

function silence(draft: Draft, { status }: Managed): string {
  const known = draft.nodeNotes.get(status.node ?? '')
  return (
    known ?? `waits for ${status.node}, which is ${nodeNamed(draft, status.node)?.state ?? 'gone'}`
  )
}

/** Its node does not answer, or has ended its services and is about to shut down. */
function hasLeft(draft: Draft, { status }: Managed): boolean {
  if (!isOperational(draft, status.node)) return true
  return nodeNamed(draft, status.node)?.lease.mode === 'shutdown'
}

/** Nothing of it runs. Its node may be back before its lease is over, and then simply starts it; else it is left. */
function leaveNode(draft: Draft, managed: Managed): void {
  const { sid, status } = managed
  const node = nodeNamed(draft, status.node)
  if (node && mayBeBack(draft, node)) {
    const { judgedUntilMs, mode } = node.lease
    lookAgainAt(draft, judgedUntilMs)
    const left = seconds(Math.max(0, judgedUntilMs - draft.nowMs))
    const how = mode === 'shutdown' ? `${node.name} has shut down: waits` : `waits for ${node.name}`
    return noteService(draft, sid, `${how} to renew its lease within ${left}`)
  }
  if (!draft.nodeNames.some((name) => isOperational(draft, name)))
    return noteService(draft, sid, 'no node renews its lease')
  if (isSettling(draft)) return waitForRoster(draft, sid)
  toState(
    draft,
    sid,
    'fence',
    {},
    `${status.node ?? 'its node'} is lost, and nothing of it can run there`,
  )
}

/** It has no grant: where it is, if that is good enough, or where it is best. */
function giveGrant(draft: Draft, managed: Managed): void {
  const { sid, status } = managed
  const obstacle = whyNoGrant(draft, sid)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  const { node, why, restrictedOut, note } = place(draft, sid, 'stay')
  if (node === null && restrictedOut !== null) return stopForGroup(draft, sid, restrictedOut)
  if (node === null && !mayStartWhereItIs(draft, sid)) return noteService(draft, sid, note)
  if (node !== null && node !== status.node) return leave(draft, managed, node, why)
  const peer = whyNotYetOn(draft, sid, status.node!)
  if (peer !== null) return noteService(draft, sid, peer)
  const isNew = 'it needs a new grant'
  const set = { uid: newId(draft), running: false, restart: false, command: null }
  setFields(draft, sid, set, isNew)
  openGrant(draft, sid, status.node!, isNew)
}

/** Nothing of it runs, so its move is over as soon as it has begun. */
function leave(draft: Draft, { sid, status }: Managed, node: NodeName, why: string): void {
  if (isSettling(draft)) return waitForRoster(draft, sid)
  startMove(draft, sid, node, `it is not to start on ${status.node}: ${why}`)
}
