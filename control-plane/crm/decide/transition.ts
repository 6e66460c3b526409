// How a service goes from one state to another. Every transition gets a new order uid and forgets what belonged to
// the old state; it keeps where the service is, where its starts failed, where it returns to, and its failed moves.
import type { ServiceStatus, Sid } from '../../cluster/view.ts'
import type { ServiceState } from '../../../shared/service.ts'
import { decideChange, type Draft, newId } from './draft.ts'

type Fields = Partial<Omit<ServiceStatus, 'state' | 'sinceMs' | 'note'>>

/** What no state inherits from the one before. */
const fresh = {
  target: null,
  running: false,
  command: null,
  stopTimeoutMs: null,
  restart: false,
  deadlineMs: null,
  moveCancelled: false,
  groupUnavailable: false,
} satisfies Fields

/** Moves `sid` to the state `to`. */
export function toState(draft: Draft, sid: Sid, to: ServiceState, set: Fields, why: string): void {
  const { state: from } = draft.view.services.get(sid)!.status!
  const death = draft.deathNotes.get(sid)
  if (death === undefined || death.unlessIn.includes(to)) draft.serviceNotes.delete(sid)
  else draft.serviceNotes.set(sid, death.note)
  const fields = { ...fresh, uid: newId(draft), ...set }
  decideChange(draft, { kind: 'service.state', sid, from, to, set: fields, why })
}

/** Changes fields of `sid` and leaves it in its state. */
export function setFields(draft: Draft, sid: Sid, set: Fields, why: string): void {
  decideChange(draft, { kind: 'service.changed', sid, set, why })
}

/** The status of a service that the CRM sees for the first time. */
export function newStatus(draft: Draft, state: ServiceState, node: string | null): ServiceStatus {
  return {
    ...fresh,
    state,
    node,
    sinceMs: draft.nowMs,
    uid: newId(draft),
    failedNodes: [],
    fallbackNode: null,
    moveFailures: 0,
    retryAtMs: null,
    probeRound: null,
    note: '',
  }
}
