// Disarming: what is under way in fence, recovery or a move is ended first; then services are left as they are (frozen, or
// as if nothing were managed); then every node that answers lets go of its watchdog (reference 2.11, D8, D9). And arming.
import type { ServiceState } from '../../../shared/service.ts'
import {
  busyBeforeDisarm,
  disarmWaitsFor,
  isBusy,
  isHandsOff,
  lagging,
} from '../../cluster/disarm.ts'
import type { DisarmView } from '../../cluster/view.ts'
import { decideChange, type Draft, newId, noteService } from './draft.ts'
import { isOperational } from './node-states.ts'
import { stepServices } from './services.ts'
import { setFields, toState } from './transition.ts'

/** T44: what is frozen. `error` is left alone as it is; the rest is ended first. */
const freezable: readonly ServiceState[] = [
  'started',
  'stopped',
  'request_stop',
  'request_start',
  'request_start_balance',
]

/** One step of a cluster that is being disarmed or is disarmed: nothing else is done in it. */
export function stepDisarm(draft: Draft): void {
  if (draft.view.disarm!.effectiveMs === null) {
    // What is under way ends; nothing new is begun with what has ended.
    stepServices(draft, (sid) => isBusy(draft.view.services.get(sid)?.status?.state))
    if (busyBeforeDisarm(draft.view.services).length > 0) return noteServices(draft)
    takeEffect(draft, draft.view.disarm!)
  }
  const { disarm } = draft.view
  if (disarm!.state === 'disarming' && lagging(draft.view, true).length === 0) {
    const why = 'every node that answers has let go of its watchdog'
    decideChange(draft, {
      kind: 'disarm.changed',
      disarm: { ...disarm!, state: 'disarmed', sinceMs: draft.nowMs },
      why,
    })
  }
  noteServices(draft)
  noteNodes(draft)
}

function takeEffect(draft: Draft, disarm: DisarmView): void {
  const why = `the cluster is disarmed in mode ${disarm.mode}`
  for (const sid of draft.sids) {
    const status = draft.view.services.get(sid)?.status
    if (!status) continue
    if (disarm.mode === 'ignore') forgetIntents(draft, sid)
    else if (freezable.includes(status.state))
      toState(draft, sid, 'freeze', { running: status.running }, why)
  }
  decideChange(draft, {
    kind: 'disarm.changed',
    disarm: { ...disarm, effectiveMs: draft.nowMs },
    why: 'nothing is under way any more: services are left as they are',
  })
}

/** Its record keeps where it is, where it returns to and where it failed; what was about to be done is off. */
function forgetIntents(draft: Draft, sid: string): void {
  const intents = {
    running: false,
    command: null,
    restart: false,
    stopTimeoutMs: null,
    retryAtMs: null,
  }
  setFields(draft, sid, { uid: newId(draft), ...intents }, 'it is not managed while disarmed')
}

/**
 * Ends it. Frozen services thaw when their agents are back. After mode `ignore` any service may be anywhere: each is
 * asked for on the whole roster before anything of it is started (D8).
 */
export function arm(draft: Draft): void {
  const { disarm, round } = draft.view
  const mayHaveMoved = disarm?.mode === 'ignore' && disarm.effectiveMs !== null
  decideChange(draft, { kind: 'disarm.changed', disarm: null, why: 'arming was commanded' })
  if (!mayHaveMoved) return
  for (const sid of draft.sids) {
    if (!draft.view.services.get(sid)?.status) continue
    const why = 'anybody may have moved it while the cluster was disarmed'
    setFields(draft, sid, { probeRound: round, probesRoster: true, running: false }, why)
  }
}

function noteServices(draft: Draft): void {
  const { view } = draft
  const note = isHandsOff(view)
    ? view.disarm!.mode === 'freeze'
      ? 'frozen: the cluster is disarmed'
      : 'not managed: the cluster is disarmed in mode ignore'
    : `waits: the cluster is being disarmed, which ${disarmWaitsFor(view, view.services)}`
  for (const sid of draft.sids) if (!draft.serviceNotes.has(sid)) noteService(draft, sid, note)
}

/** One that does not answer keeps nobody waiting, and complies when it returns. */
function noteNodes(draft: Draft): void {
  for (const name of draft.nodeNames) {
    if (isOperational(draft, name) || draft.nodeNotes.has(name)) continue
    if (draft.view.nodes[name]!.lease.mode === 'disarm') continue
    draft.nodeNotes.set(name, 'is silent, and may not know that the cluster is disarmed')
  }
}
