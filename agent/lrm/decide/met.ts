// What was met here, or found under a number no journal knew: remembered for the next process, which may look for it in vain.
// SAFETY: the plane adopts what it is told that runs here, so that is told only once it is on disk: whoever comes after a crash
// must not take this node for empty, nor give back as never begun here what nobody has seen end.
import { serviceType, type ServiceType } from '../../../shared/names.ts'
import { type Draft, writeDown } from './draft.ts'
import { closedUpTo } from './grants.ts'
import type { Found, LocalService, Lrm, Sid } from './lrm.ts'
import type { Journal } from './remembered.ts'

/** What may run here as far as the journal knows: begun in this boot and not ended, or met. */
export function leftHere({ started, closed, met }: Journal): [Sid, number][] {
  const open = Object.entries(started).filter(
    ([sid, generation]) => generation > (closed[sid] ?? -1),
  )
  return Object.entries({ ...met, ...Object.fromEntries(open) })
}

/** A look has ended: of the kinds that it could look for, what was met is what it has found. */
export function noteMet(draft: Draft, found: Found[], blindTypes: readonly ServiceType[]): void {
  const { lrm } = draft
  const before = lrm.journal.met ?? {}
  const isLookedFor = (sid: Sid) =>
    lrm.self.drivers.includes(serviceType(sid)) && !blindTypes.includes(serviceType(sid))
  const met = Object.fromEntries(Object.entries(before).filter(([sid]) => !isLookedFor(sid)))
  for (const { sid, generation, state } of found) {
    if (generation !== 0 && generation > closedUpTo(lrm, sid)) continue
    // A doubt is no meeting; but what was met and cannot be told now is still here.
    if (state !== 'unseen') met[sid] = generation
    else if (before[sid] !== undefined) met[sid] = before[sid]
  }
  const news = Object.keys(met).filter((sid) => met[sid] !== before[sid])
  if (news.length === 0 && Object.keys(met).length === Object.keys(before).length) return
  const version = writeDown(draft, (journal) => {
    journal.met = met
  })
  for (const sid of news) lrm.foundAt[sid] = version
}

/** It runs here under the number of a grant that this journal may have lost. */
export function rememberFound(draft: Draft, { sid, generation, state }: Found): void {
  const { lrm } = draft
  if (generation === 0 || state === 'unseen' || closedUpTo(lrm, sid) >= generation) return
  if ((lrm.journal.started[sid] ?? -1) >= generation) return
  lrm.foundAt[sid] = writeDown(draft, (journal) => {
    journal.started[sid] = generation
  })
}

/** Whether the next process would know of it. */
export function isRemembered(lrm: Lrm, { sid }: LocalService): boolean {
  return (lrm.foundAt[sid] ?? 0) <= lrm.writtenVersion
}
