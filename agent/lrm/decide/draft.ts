// A decision in the making: a copy of the LRM that may be changed while it lasts, and the effects gathered so far.
// Never escapes `decideLrm`.
import type { HeldLease } from '../../../shared/lease.ts'
import { serviceType } from '../../../shared/names.ts'
import type { Asked } from '../../drivers/driver.ts'
import type { Order, ServiceGeneration } from '../../../shared/protocol.ts'
import type { OutsideReading } from './clock-pair.ts'
import type { Effect, LrmInput } from './effect.ts'
import { leavesGates, type LocalService, type Lrm, type Sid } from './lrm.ts'
import type { Journal } from './remembered.ts'

export type Draft = {
  lrm: Lrm
  nowMs: number
  outside: OutsideReading | null
  effects: Effect[]
  /** Orders in hand by service. */
  orders: Map<Sid, Order>
  /** Services of which the plane asks whether they run here. */
  probes: ReadonlySet<Sid>
  /** Grants to be confirmed with the next renewal: about to be used, or in use and not confirmed under this epoch. */
  wishes: ServiceGeneration[]
  /** The watchdog is being armed, or what must be on disk before that is being written. */
  isArming: boolean
  /** A lease that was just granted: noted on disk after everything that it allows, which it must not hold up. */
  leaseToNote: HeldLease | null
  /** Earliest moment at which something is due without any event. */
  wakeAtMs: number
}

/** Copies what a decision may change; documents that came from outside are shared and never changed. */
export function startDraft(lrm: Lrm, { nowMs, outside = null }: LrmInput): Draft {
  const services: Record<Sid, LocalService> = {}
  for (const [sid, service] of Object.entries(lrm.services))
    services[sid] = { ...service, move: service.move && { ...service.move } }
  const { journal } = lrm
  const copy: Lrm = {
    ...lrm,
    survey: { ...lrm.survey },
    managed: { ...lrm.managed, look: { ...lrm.managed.look } },
    epoch: lrm.epoch && { ...lrm.epoch },
    renewal: { ...lrm.renewal },
    poll: { ...lrm.poll },
    joining: { ...lrm.joining },
    services,
    confirmed: { ...lrm.confirmed },
    watchdog: { ...lrm.watchdog },
    ending: lrm.ending && { ...lrm.ending },
    drill: lrm.drill && { ...lrm.drill },
    journal: {
      ...journal,
      epoch: journal.epoch && { ...journal.epoch },
      started: { ...journal.started },
      closed: { ...journal.closed },
      ...(journal.adopted && { adopted: { ...journal.adopted } }),
      answers: { ...journal.answers },
      restarted: { ...journal.restarted },
      moving: { ...journal.moving },
    },
    answeredAt: { ...lrm.answeredAt },
    closedAt: { ...lrm.closedAt },
    foundAt: { ...lrm.foundAt },
  }
  return {
    ...{ lrm: copy, nowMs, outside, effects: [], orders: new Map(), wishes: [] },
    probes: new Set(lrm.desired?.probes),
    ...{ isArming: false, leaseToNote: null, wakeAtMs: Infinity },
  }
}

/** Once the events are taken in: the orders that count for this decision. */
export function indexOrders(draft: Draft): void {
  for (const order of draft.lrm.desired?.services ?? []) draft.orders.set(order.sid, order)
  draft.probes = new Set(draft.lrm.desired?.probes)
}

/** Asks to be woken at `atMs`, if nothing happens before. */
export function wakeAt(draft: Draft, atMs: number): void {
  if (atMs < draft.wakeAtMs) draft.wakeAtMs = atMs
}

export function say(
  draft: Draft,
  message: string,
  facts: Record<string, unknown> = {},
  level: 'info' | 'warn' | 'error' = 'info',
): void {
  draft.effects.push({ kind: 'say', level, message, facts })
}

/** How often the drivers look at the whole host for what nobody told them of. */
const surveyEveryMs = 15_000

/** Has the drivers look at the host now. */
export function beginSurvey(draft: Draft): void {
  const { nowMs } = draft
  const dueMs = nowMs + surveyEveryMs
  const begun = draft.lrm.survey.begun + 1
  draft.lrm.survey = { ...draft.lrm.survey, running: true, startedMs: nowMs, dueMs, begun }
  const asked = Object.entries(draft.lrm.desired?.probeSpecs ?? {})
  draft.effects.push({
    kind: 'survey',
    asked: asked.map(([sid, spec]) => ({ sid, spec })),
    known: knownIn(draft.lrm, begun),
    held: Object.keys(draft.lrm.confirmed),
  })
}

/** Whose gates this look puts in place. One that leaves them as they are vouches for none. */
function knownIn(lrm: Lrm, look: number): readonly Asked[] {
  const { services } = lrm.managed
  if (!leavesGates(lrm)) return services
  for (const { sid } of services) lrm.managed.look[serviceType(sid)] = look + 1
  return []
}

/** Changes the journal; whoever depends on it waits until the returned version is on disk. */
export function writeDown(draft: Draft, change: (journal: Journal) => void): number {
  change(draft.lrm.journal)
  return ++draft.lrm.journalVersion
}

/** Nothing more is sent to the plane before what is written down now is on disk. */
export function sendOnlyAfterJournal(draft: Draft): void {
  draft.lrm.sendAfterVersion = draft.lrm.journalVersion
}

export function isWritten(draft: Draft): boolean {
  return draft.lrm.writtenVersion >= draft.lrm.journalVersion
}
