// The record this node keeps of one service: what phase it is in here, and how its last starts went.
import type { Draft } from './draft.ts'
import type { LocalPhase, LocalService, Sid } from './lrm.ts'

/** The record of a service, made if there is none. */
export function localService(draft: Draft, sid: Sid, generation: number): LocalService {
  const known = draft.lrm.services[sid]
  if (known) return known
  const fresh: LocalService = {
    sid,
    generation,
    phase: 'idle',
    sinceMs: draft.nowMs,
    failures: 0,
    retryAtMs: 0,
    lastFailure: null,
    stopByMs: 0,
    stopFailure: null,
    move: null,
  }
  draft.lrm.services[sid] = fresh
  return fresh
}

/** The record for an order that names a generation: a new generation starts with a clean sheet. */
export function recordFor(draft: Draft, sid: Sid, generation: number): LocalService {
  const local = localService(draft, sid, generation)
  if (local.phase === 'idle' && local.generation !== generation) {
    local.generation = generation
    local.failures = 0
    local.retryAtMs = 0
    local.lastFailure = null
    local.stopFailure = null
  }
  return local
}

export function enterPhase(draft: Draft, service: LocalService, phase: LocalPhase): void {
  service.phase = phase
  service.sinceMs = draft.nowMs
  delete service.waitsFor
  if (phase !== 'migrating' && phase !== 'incoming') service.move = null
}

/** Whether a running service has lived long enough for its start to count as good. */
export function isStable(draft: Draft, service: LocalService): boolean {
  return service.phase === 'running' && draft.nowMs >= service.sinceMs + draft.lrm.timing.stableMs
}

/** Running, also where only its driver cannot tell just now. */
export function isLive(local: LocalService | null): local is LocalService {
  return local?.phase === 'running' || local?.phase === 'unseen'
}
