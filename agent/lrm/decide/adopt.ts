// Taking over what is here under another number than the one it was granted under: what the plane has adopted here (rules 7, 9).
// SAFETY: it was begun by somebody, and this process may never have seen it: what nobody can look for is taken to run.
import { serviceType } from '../../../shared/names.ts'
import type { Order } from '../../../shared/protocol.ts'
import { cannotLook } from './blind.ts'
import { type Draft, say, writeDown } from './draft.ts'
import { closedUpTo } from './grants.ts'
import type { Sid } from './lrm.ts'
import { enterPhase, isLive, recordFor } from './records.ts'

type Adopting = { sid: Sid; generation: number; foundAs: number }

/** The order's number counts from now on, whatever is ordered: the marks on the host stay as they are. */
export function adopt(draft: Draft, { sid, generation, foundAs, move }: Order): void {
  if (generation === null || foundAs === undefined) return
  if (closedUpTo(draft.lrm, sid) >= generation) return
  const adopting = { sid, generation, foundAs }
  // It was adopted at the source of a move, and not at its target.
  if (move?.role !== 'target') keepUnseen(draft, adopting)
  const local = draft.lrm.services[sid] ?? null
  if (!isLive(local) || local.generation !== foundAs) return
  local.generation = generation
  writeDown(draft, (journal) => {
    journal.adopted = { ...journal.adopted, [sid]: { foundAs, generation } }
    journal.started[sid] = generation
  })
  say(draft, 'service adopted', adopting)
}

/**
 * The process that met it did not live to hear of its adoption. SAFETY: to this one it would be a generation that never began
 * here, given back without anybody having looked, while it runs.
 */
function keepUnseen(draft: Draft, { sid, generation, foundAs }: Adopting): void {
  const { lrm } = draft
  if ((lrm.services[sid]?.phase ?? 'idle') !== 'idle') return
  if (lrm.journal.started[sid] === generation || !cannotLook(lrm, serviceType(sid))) return
  enterPhase(draft, recordFor(draft, sid, foundAs), 'unseen')
}
