// A process that came back with other drivers than its epoch was given for: the plane asks and grants by those that it was told of.
// SAFETY: for a kind without a driver nothing is answered, so every question to this node about it stays open until the plane knows.
import { serviceType } from '../../../shared/names.ts'
import { cannotLook } from './blind.ts'
import { type Draft, say } from './draft.ts'
import { isDrilling } from './drill.ts'
import { leaveEpoch } from './lease.ts'
import type { Lrm } from './lrm.ts'

/** Asks for an epoch that says so: at once, for what runs here is adopted by it. */
export function leaveForDrivers(draft: Draft): void {
  const { lrm } = draft
  if (lrm.epoch === null || lrm.ending !== null || lrm.released || isDrilling(lrm)) return
  if (lrm.desired === null || lrm.desired.mode === 'disarm') return
  const told = lrm.journal.epoch?.drivers
  const { drivers } = lrm.self
  if (told === undefined || isSame(told, drivers) || !canAnswerForAll(lrm)) return
  say(draft, 'new epoch needed', { epoch: lrm.epoch.number, told, drivers })
  leaveEpoch(draft, 'unknown')
}

const isSame = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && one.every((type) => other.includes(type))

/** A node that cannot say of one service whether it is here would wait without a lease, until its watchdog ends all of them. */
function canAnswerForAll(lrm: Lrm): boolean {
  const { desired, services, journal } = lrm
  if (Object.keys(journal.moving).length > 0) return false
  if (Object.values(services).some(({ phase }) => phase !== 'idle' && phase !== 'running'))
    return false
  const held = (desired?.services ?? []).filter(({ generation }) => generation !== null)
  return !held.some(({ sid }) => cannotLook(lrm, serviceType(sid)))
}
