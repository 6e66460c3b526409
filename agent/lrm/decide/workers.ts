// How many starts and stops may be under way at once. Emergency stops do not ask.
import type { Draft } from './draft.ts'

export function hasFreeWorker(draft: Draft): boolean {
  const { lrm } = draft
  const busy = Object.values(lrm.services).filter(
    (service) => service.phase === 'starting' || service.phase === 'stopping',
  ).length
  return busy < (lrm.desired?.maxWorkers ?? 4)
}
