// What this node may run: grants confirmed, generations ended for good, orders answered.
// SAFETY: a generation up to the closed one is never started again; closing is for services of which nothing is left.
import type { Outcome } from '../../../shared/outcome.ts'
import type { Order } from '../../../shared/protocol.ts'
import { type Draft, say, writeDown } from './draft.ts'
import { isDrilling } from './drill.ts'
import type { Lrm, Sid } from './lrm.ts'

/** The generation up to which `sid` is ended for good here; −1: none. */
export function closedUpTo(lrm: Lrm, sid: Sid): number {
  return lrm.journal.closed[sid] ?? -1
}

/** The generation that something with these marks counts as here. */
export function generationOf({ journal }: Lrm, sid: Sid, marked: number): number {
  const adopted = journal.adopted?.[sid]
  return adopted?.foundAs === marked ? adopted.generation : marked
}

/** The generation that the marks bear of what counts as `generation` here. */
export function markedOf({ journal }: Lrm, sid: Sid, generation: number): number {
  const adopted = journal.adopted?.[sid]
  return adopted?.generation === generation ? adopted.foundAs : generation
}

/** Ends a generation for good. Only for a service of which nothing is on the host. */
export function closeGeneration(draft: Draft, sid: Sid, generation: number, why: string): void {
  const { lrm } = draft
  if (closedUpTo(lrm, sid) >= generation) return
  lrm.closedAt[sid] = writeDown(draft, (journal) => {
    journal.closed[sid] = generation
    if ((journal.started[sid] ?? -1) <= generation) delete journal.started[sid]
    if ((journal.adopted?.[sid]?.generation ?? Infinity) <= generation)
      delete journal.adopted?.[sid]
    if ((journal.moving[sid]?.generation ?? Infinity) <= generation) delete journal.moving[sid]
  })
  if ((lrm.confirmed[sid] ?? -1) <= generation) delete lrm.confirmed[sid]
  say(draft, 'generation closed', { sid, generation, why })
}

/** Ends for good whatever may have been started here. Only when nothing is on the host. */
export function closeAllStarted(draft: Draft, why: string): void {
  const { lrm } = draft
  const started = Object.entries({ ...lrm.confirmed, ...lrm.journal.started })
  for (const [sid, generation] of started)
    closeGeneration(draft, sid, Math.max(generation, lrm.confirmed[sid] ?? -1), why)
}

/** Asks for a confirm with the next renewal, unless there is one. */
export function wishConfirm(draft: Draft, sid: Sid, generation: number): void {
  if (draft.lrm.confirmed[sid] === generation) return
  // SAFETY: what nobody will feed for takes nothing on.
  if (isDrilling(draft.lrm)) return
  if (closedUpTo(draft.lrm, sid) >= generation) return
  if (draft.wishes.some((wish) => wish.sid === sid)) return
  draft.wishes.push({ sid, generation })
}

/** Answers an order. The last answer counts: a service that started and then failed for good ends in `error`. */
export function answer(
  draft: Draft,
  order: Pick<Order, 'uid' | 'sid' | 'state'>,
  outcome: Outcome,
  detail = '',
): void {
  const known = draft.lrm.journal.answers[order.uid]
  if (known && known.outcome === outcome) return
  const result = { uid: order.uid, sid: order.sid, outcome }
  draft.lrm.answeredAt[order.uid] = writeDown(draft, (journal) => {
    journal.answers[order.uid] = detail ? { ...result, detail: detail.slice(0, 1000) } : result
  })
  const facts = { sid: order.sid, order: order.state, uid: order.uid, outcome, detail }
  say(draft, 'order answered', facts, outcome === 'ok' ? 'info' : 'warn')
}
