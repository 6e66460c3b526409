// recovery: nothing of it is left on its node; another one is looked for, round after round.
import { type Draft, lookAgainAt, noteService } from '../draft.ts'
import { openGrant, whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { place } from '../place.ts'
import { toState } from '../transition.ts'
import { noMember } from './started-place.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

export function stepRecovery(draft: Draft, managed: Managed): void {
  const { sid, config } = managed
  if (config.requested === 'disabled')
    return toState(draft, sid, 'stopped', {}, unwantedWhy(managed))
  if (isSettling(draft)) return waitForRoster(draft, sid)
  const { node, why, restrictedOut, note } = place(draft, sid, 'best-score')
  if (node === null) {
    if (restrictedOut === null) return noteService(draft, sid, note)
    const set = { groupUnavailable: isWanted(managed) }
    return toState(draft, sid, 'stopped', set, noMember(restrictedOut))
  }
  if (!isWanted(managed)) return toState(draft, sid, 'request_stop', { node }, unwantedWhy(managed))
  const obstacle = whyNoGrant(draft, sid)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  toState(draft, sid, 'started', { node }, `recovered: ${why}`)
  openGrant(draft, sid, node, 'recovered')
}

/** The wait after an outage of all nodes. */
export function waitForRoster(draft: Draft, sid: string): void {
  const untilMs = draft.view.quietSinceMs! + draft.view.settings.timing.settleMs
  lookAgainAt(draft, untilMs)
  noteService(
    draft,
    sid,
    'placement waits for the nodes that are not back yet after an outage of all',
  )
}
