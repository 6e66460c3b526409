// stopped: off, with no grant open. Its record stays on its node while that node may come back.
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { mayBeBack } from '../node-states.ts'
import { isSettling } from '../outage.ts'
import { nodeClasses } from '../node-classes.ts'
import { place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import { freezeIfAgentRestarts } from './freeze.ts'
import { isWanted, type Managed } from './step.ts'

export function stepStopped(draft: Draft, managed: Managed): void {
  const { sid, config, status } = managed
  if (freezeIfAgentRestarts(draft, managed)) return
  if (isWanted(managed)) {
    const { restrictedOut } = nodeClasses(draft, sid)
    if (status.groupUnavailable && restrictedOut !== null)
      return noteService(draft, sid, `waits for a member of its restricted group ${restrictedOut}`)
    // A service that was not managed for a while is still to be asked for; the question must be a new one.
    const probeRound = status.probeRound === null ? null : draft.view.round
    return toState(draft, sid, 'request_start', { probeRound }, 'it is wanted')
  }
  if (status.groupUnavailable)
    return setFields(
      draft,
      sid,
      { groupUnavailable: false },
      `its requested state is ${config.requested}`,
    )
  if (config.requested === 'stopped') leaveLostNode(draft, managed)
}

/** T32: nothing of it can run there, so nothing is waited for; its record moves to where it could be started. */
function leaveLostNode(draft: Draft, { sid, status }: Managed): void {
  if (status.node === null || isSettling(draft)) return
  const node = nodeNamed(draft, status.node)
  if (node !== undefined && node.state !== 'unknown') return
  if (node !== undefined && node.lease.judgedUntilMs > draft.nowMs)
    return lookAgainAt(draft, node.lease.judgedUntilMs)
  // It has booted again and asks for a lease just now; where it asks in vain, this is looked at again.
  if (node !== undefined && mayBeBack(draft, node))
    return lookAgainAt(draft, draft.nowMs + draft.view.settings.timing.silentMs)
  if (place(draft, sid, 'best-score').node !== null)
    toState(draft, sid, 'fence', {}, `${status.node} is lost`)
}
