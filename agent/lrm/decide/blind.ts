// Drivers that do not answer: a tool of theirs hangs, or its daemon is away.
import type { ServiceType } from '../../../shared/names.ts'
import type { Lrm } from './lrm.ts'

/** Whether the driver of this kind is there, and did not answer in the last look. */
export function isBlind({ self, survey }: Lrm, type: ServiceType): boolean {
  return self.drivers.includes(type) && (survey.answered[type] ?? 0) < survey.seen
}

/** Whether nothing is known of what is here of this kind: its driver did not answer in the last look, or there is none. */
export function cannotLook(lrm: Lrm, type: ServiceType): boolean {
  return !lrm.self.drivers.includes(type) || isBlind(lrm, type)
}
