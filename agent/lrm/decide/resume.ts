// What a new agent process begins with: the journal of an earlier one, as far as it still counts.
// SAFETY: nothing is started from the journal. Of another boot only epochs, plane epoch, closed generations, timing and
// settings count.
import { serviceTypes } from '../../../shared/names.ts'
import { profiles, type Timing } from '../../../shared/timing.ts'
import type { WatchdogInfo } from '../../../shared/node.ts'
import type { ManagedServices } from '../../../shared/protocol.ts'
import { freshJoining, freshRenewal } from './fresh.ts'
import { managedFrom } from './managed.ts'
import type { Lrm, LrmSettings } from './lrm.ts'
import type { Journal, LeaseNote } from './remembered.ts'
import type { Self } from './self.ts'

export type ResumeFrom = {
  self: Self
  nowMs: number
  journal: Journal | null
  note: LeaseNote | null
  /** The services of the cluster, as an earlier process knew them. */
  managed?: ManagedServices | null
  /** The cluster's timing as it was at the join, for a process that finds none in the journal. */
  firstTiming?: Timing
  watchdog: { info: WatchdogInfo; factor: number; leastMs?: number; running: boolean }
  /** The last drill that this node has begun. */
  lastDrill?: string | null
}

export function emptyJournal(bootId: string): Journal {
  return {
    bootId,
    epoch: null,
    planeEpoch: null,
    timing: null,
    armedMs: 0,
    started: {},
    closed: {},
    answers: {},
    restarted: {},
    moving: {},
  }
}

/** Why everything found here must go first, in a boot that has not begun anything yet. */
export const leftByEarlierBoot = 'left over from an earlier boot'

/** Before anything is heard of the cluster's own. */
export const firstSettings: Readonly<LrmSettings> = {
  onLeaseLoss: 'gentle',
  shutdownPolicy: 'conditional',
  maxWorkers: 4,
}

/**
 * Nothing is known of an earlier process. SAFETY: where its countdown goes on, something of it may run that no driver here looks for,
 * so no kind is taken for looked for but by a driver, or by the plane when it gives an epoch.
 */
function withoutJournal({ self, watchdog }: ResumeFrom): Journal {
  const unlooked = watchdog.running ? [...serviceTypes] : self.drivers
  return { ...emptyJournal(self.bootId), unlooked }
}

/** The LRM of a new process. */
export function resumeLrm(from: ResumeFrom): Lrm {
  const { self, nowMs } = from
  const old = from.journal ?? withoutJournal(from)
  const isSameBoot = old.bootId === self.bootId
  const journal = isSameBoot
    ? { ...old }
    : { ...emptyJournal(self.bootId), ...kept(old), bootId: self.bootId }
  // Whoever began it: it counts now.
  if (from.watchdog.running) delete journal.unarmed
  const isOpen = isSameBoot && old.epoch?.state === 'open'
  const note = from.note?.bootId === self.bootId ? from.note.lease : null
  const epochNumber = old.epoch?.number ?? null
  return {
    self,
    state: 'wait_for_agent_lock',
    startedMs: nowMs,
    looked: false,
    survey: {
      ...{ running: false, startedMs: nowMs, dueMs: nowMs, retryMs: 0 },
      ...{ begun: 0, seen: 0, answered: {} },
    },
    planeEpoch: old.planeEpoch,
    timing: old.timing ?? from.firstTiming ?? profiles.default,
    settings: old.settings ?? firstSettings,
    epoch: isOpen && old.epoch ? { number: old.epoch.number, seq: old.epoch.seqReserved } : null,
    seqLimit: { upTo: isOpen ? (old.epoch?.seqReserved ?? 0) : 0, next: null },
    armLimit: { upTo: isSameBoot ? (old.armedMs ?? 0) : 0, next: null },
    lease: note !== null && note.epoch === epochNumber ? note : null,
    serverPair: null,
    renewal: freshRenewal(),
    poll: { id: 0, running: false, dueMs: 0, failures: 0 },
    joining: freshJoining(),
    desired: null,
    managed: managedFrom(from.managed ?? null),
    desiredLook: 0,
    services: {},
    confirmed: {},
    watchdog: {
      class: from.watchdog.info.class,
      isNews: isOpen && isOtherClass(old, from.watchdog.info),
      effectiveMs: Math.max(from.watchdog.info.effectiveMs, isSameBoot ? (old.armedMs ?? 0) : 0),
      factor: from.watchdog.factor,
      leastMs: from.watchdog.leastMs ?? 0,
      configuredMs: 0,
      open: false,
      running: from.watchdog.running,
      canClose: true,
      fedMs: nowMs,
      unfedSinceMs: null,
      retryAtMs: 0,
    },
    released: isSameBoot && old.epoch?.state === 'released',
    unarmedSinceRelease: isSameBoot && isUnarmed(old) && !from.watchdog.running,
    armableFromVersion: isSameBoot && old.unarmed === true ? 1 : 0,
    cleaning: cleaningOf(old, isSameBoot),
    ending: null,
    drill: null,
    lastDrill: from.lastDrill ?? null,
    life: { armed: false, unfed: null },
    journal,
    journalVersion: 1,
    writtenVersion: 0,
    writingVersion: null,
    writeRetryMs: 0,
    writeFailures: 0,
    sendAfterVersion: 1,
    answeredAt: {},
    closedAt: {},
    foundAt: {},
  }
}

/** SAFETY: the plane counts on the class that it was told, and gives services to a node that cannot protect them any more. */
function isOtherClass({ epoch }: Journal, { class: seen }: WatchdogInfo): boolean {
  const told = epoch?.watchdog
  return told === undefined ? seen === 'none' : told !== seen
}

function kept(old: Journal): Partial<Journal> {
  const { epoch, planeEpoch, timing, settings, closed } = old
  return { epoch, planeEpoch, timing, closed, ...(settings && { settings }) }
}

/** Since its release nothing has counted down. */
function isUnarmed({ epoch, unarmed }: Journal): boolean {
  return epoch?.state === 'released' || unarmed === true
}

/** What is found although it cannot belong here any more must go before an epoch is asked for. */
function cleaningOf(old: Journal, isSameBoot: boolean): string | null {
  if (!isSameBoot) return leftByEarlierBoot
  if (old.epoch?.state === 'fenced') return 'fenced'
  if (old.epoch?.state === 'over') return 'the epoch is over'
  return null
}
