// How many starts and stops may be under way at once, and how many moves: a move takes minutes, and nothing that is to
// start or stop meanwhile waits for it. Emergency stops do not ask.
import type { Draft } from './draft.ts'
import type { LocalPhase } from './lrm.ts'

export function hasFreeWorker(draft: Draft): boolean {
  return isBelow(draft, ['starting', 'stopping'])
}

export function mayMoveOneMore(draft: Draft): boolean {
  return isBelow(draft, ['migrating'])
}

function isBelow({ lrm }: Draft, phases: LocalPhase[]): boolean {
  const busy = Object.values(lrm.services).filter(({ phase }) => phases.includes(phase)).length
  return busy < lrm.settings.maxWorkers
}
