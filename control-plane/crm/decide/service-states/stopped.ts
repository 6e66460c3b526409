// stopped: off, with no grant open. Its record stays on its node while that node may come back.
import { type Draft, lookAgainAt, nodeNamed, noteService } from '../draft.ts'
import { isOperational, mayBeBack } from '../node-states.ts'
import { isSettling } from '../outage.ts'
import { nodeClasses } from '../node-classes.ts'
import { place } from '../place.ts'
import { setFields, toState } from '../transition.ts'
import { freezeIfAgentRestarts } from './freeze.ts'
import { isWanted, type Managed } from './step.ts'

export function stepStopped(draft: Draft, managed: Managed): void {
  const { sid, config, status } = managed
  if (freezeIfAgentRestarts(draft, managed)) return
  if (mayLeaveAtOnce(managed) && leavesLostNode(draft, managed)) return
  if (isWanted(managed)) {
    const { restrictedOut } = nodeClasses(draft, sid)
    if (status.groupUnavailable && restrictedOut !== null)
      return noteService(draft, sid, `waits for a member of its restricted group ${restrictedOut}`)
    // A service that was not managed for a while is still to be asked for; the question must be a new one.
    const probeRound = status.probeRound === null ? null : draft.view.round
    return toState(draft, sid, 'request_start', { probeRound }, 'it is wanted')
  }
  if (!status.groupUnavailable) return
  const why = `its requested state is ${config.requested}`
  setFields(draft, sid, { groupUnavailable: false }, why)
}

/**
 * T32: nothing of it can run there, so nothing is waited for; its record moves to where it could be started, at once with
 * those of the services that ran there and are recovered now: each reckons with where the ones before it went. True if so.
 */
function leavesLostNode(draft: Draft, { sid, status }: Managed): boolean {
  if (status.node === null || isSettling(draft)) return false
  const node = nodeNamed(draft, status.node)
  if (node !== undefined && node.state !== 'unknown') return false
  if (node !== undefined && node.lease.judgedUntilMs > draft.nowMs) {
    lookAgainAt(draft, node.lease.judgedUntilMs)
    return false
  }
  // It has booted again and asks for a lease just now; where it asks in vain, this is looked at again.
  if (node !== undefined && mayBeBack(draft, node)) {
    lookAgainAt(draft, draft.nowMs + draft.view.settings.timing.silentMs)
    return false
  }
  if (!draft.nodeNames.some((name) => isOperational(draft, name))) return false
  // D1: with its restricted group it waits as it is; with a strict rule that permits no node, in recovery.
  const { node: found, restrictedOut } = place(draft, sid, 'best-score')
  if (found === null && restrictedOut !== null) return false
  toState(draft, sid, 'fence', {}, `${status.node} is lost`)
  toState(draft, sid, 'recovery', {}, `nothing of it can still run on ${status.node}`)
  return true
}

/** Wanted again, and not to be asked for before it starts, it need not be wanted on a lost node first. */
function mayLeaveAtOnce({ service, config, status }: Managed): boolean {
  if (config.requested === 'stopped') return true
  const isKnown = service.everGranted && status.probeRound === null
  return config.requested === 'started' && isKnown && !status.groupUnavailable
}
