// recovery: nothing of it is left on its node; another one is looked for, round after round.
import { type Draft, lookAgainAt, noteService } from '../draft.ts'
import { openGrant, whyNoGrant } from '../open-grant.ts'
import { isSettling } from '../outage.ts'
import { place } from '../place.ts'
import { toState } from '../transition.ts'
import { isWanted, type Managed, unwantedWhy } from './step.ts'

export function stepRecovery(draft: Draft, managed: Managed): void {
  const { sid, config } = managed
  if (config.requested === 'disabled')
    return toState(draft, sid, 'stopped', {}, unwantedWhy(managed))
  if (isSettling(draft)) return waitForRoster(draft, sid)
  const { candidates, restrictedOut, note } = place(draft, sid, 'best-score')
  const [best] = candidates
  if (!best) {
    if (!restrictedOut) return noteService(draft, sid, note)
    const why = `no member of its restricted group ${config.group} is available`
    return toState(draft, sid, 'stopped', { groupUnavailable: isWanted(managed) }, why)
  }
  if (!isWanted(managed))
    return toState(draft, sid, 'request_stop', { node: best.node }, unwantedWhy(managed))
  const obstacle = whyNoGrant(draft, sid)
  if (obstacle !== null) return noteService(draft, sid, obstacle)
  toState(draft, sid, 'started', { node: best.node }, `recovered: ${best.why}`)
  openGrant(draft, sid, best.node, 'recovered')
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
