// The state of a conversation with the plane before its first word.
import type { Joining, Renewal } from './lrm.ts'

export function freshRenewal(): Renewal {
  return {
    inFlight: null,
    dueMs: 0,
    failures: 0,
    answeredKey: '',
    settledRevision: null,
    noReleaseBeforeMs: 0,
    saidRevision: 0,
    toldRevision: 0,
    toldClosed: [],
    unguarded: false,
  }
}

export function freshJoining(): Joining {
  const nothing = { challenge: null, looking: false, found: null, blind: [] }
  return { running: false, dueMs: 0, failures: 0, ...nothing }
}
