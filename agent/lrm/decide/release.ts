// Leaving services running without a watchdog: a planned stop of the agent, or a disarmed cluster. The plane must
// commit the release first; the device is closed only after that.
import { type Draft, say, wakeAt, writeDown } from './draft.ts'
import { leaveEpoch, nothingOnHost } from './lease.ts'
import type { LocalPhase, Lrm } from './lrm.ts'

/** Order states in which the agent has nothing to do, and the CRM recovers nothing by itself. */
const heldStill = ['freeze', 'stopped', 'error', 'ignored']

/** Whether the next renewal asks for the release. */
export function wantsRelease(draft: Draft): boolean {
  const { lrm } = draft
  if (lrm.released || lrm.desired === null) return false
  // A machine that reboots although something on it does not stop leaves that to its own end, where it is frozen.
  const isLeaving = lrm.ending?.way === 'leave' || (lrm.ending?.way === 'freeze' && isStuck(lrm))
  if (!isLeaving && lrm.desired.mode !== 'disarm') return false
  if (draft.nowMs < lrm.renewal.noReleaseBeforeMs) {
    wakeAt(draft, lrm.renewal.noReleaseBeforeMs)
    return false
  }
  // A confirm on its way could still make the node start something; none is asked for any more in these modes.
  return isHeldStill(draft)
}

const still: readonly LocalPhase[] = ['idle', 'running', 'unknown', 'unseen']

function isStuck(lrm: Lrm): boolean {
  return Object.values(lrm.services).some((service) => service.stopFailure !== null)
}

/** Nothing is under way, and every order is to hold still. */
export function isHeldStill(draft: Draft): boolean {
  const { lrm } = draft
  const orders = lrm.desired?.services ?? []
  const isBusy = Object.values(lrm.services).some(
    ({ sid, phase }) =>
      !still.includes(phase) || (phase === 'unseen' && lrm.journal.moving[sid] !== undefined),
  )
  return !isBusy && orders.every((order) => heldStill.includes(order.state))
}

/** The plane committed the release: the watchdog may be closed, and what runs, runs on. */
export function noteReleased(draft: Draft): void {
  const { lrm } = draft
  say(draft, 'released', { epoch: lrm.epoch?.number, running: !nothingOnHost(lrm) })
  lrm.released = true
  lrm.confirmed = {}
  if (lrm.ending !== null) return leaveEpoch(draft, 'released')
  // A process that comes later must not take this node for one that is protected.
  writeDown(draft, (journal) => {
    if (journal.epoch) journal.epoch.state = 'released'
  })
}

/**
 * The cluster is armed: from here on the node protects what it runs. An epoch whose proof is lost (a release was committed,
 * or its watchdog was not armed all the time) proves nothing any more: a new one adopts what runs here (D8).
 */
export function stepArmedAgain(draft: Draft): void {
  const { lrm } = draft
  if (lrm.ending !== null || lrm.epoch === null) return
  if (lrm.desired === null || lrm.desired.mode === 'disarm') return
  if (!lrm.released && !lrm.renewal.unguarded) return
  say(draft, 'new epoch needed', { epoch: lrm.epoch.number, released: lrm.released })
  // Until it is there a released node stays as it is: nothing is recovered from it without other evidence.
  leaveEpoch(draft, lrm.released ? 'released' : 'unknown')
}
