// How many starts, stops and moves may be under way at once. Emergency stops do not ask.
import type { Draft } from './draft.ts'

export function hasFreeWorker(draft: Draft): boolean {
  const { lrm } = draft
  const busy = Object.values(lrm.services).filter(
    ({ phase }) => phase === 'starting' || phase === 'stopping' || phase === 'migrating',
  ).length
  return busy < (lrm.desired?.maxWorkers ?? 4)
}
