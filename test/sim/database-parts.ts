// What can go wrong with a simulated database, and how its clients are told: by codes that production code goes by.
import type { ClusterState } from '../../control-plane/store/memory/state.ts'

export type DatabaseFaults = {
  /** Of the trips: the answer is lost after the work was done. */
  lostAnswers: number
  /** Of the statements of rounds: a serialization failure. */
  conflicts: number
}

export type Snapshot = { atMs: number; clusters: Record<number, ClusterState> }

export function serializationFailure(): Error {
  return withCode('could not serialize access', '40001')
}

export function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

export function connectionReset(): Error {
  return withCode('connection reset', 'ECONNRESET')
}
