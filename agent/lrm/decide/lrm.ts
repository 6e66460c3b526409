// What the local resource manager knows, as plain data: JSON in, JSON out. All times are milliseconds of the agent's
// CLOCK_BOOTTIME. Must never hold a function, a handle or a secret.
import type { ClockPair, HeldLease, PlaneEpoch } from '../../../shared/lease.ts'
import type { LrmState } from '../../../shared/node.ts'
import type { Outcome } from '../../../shared/outcome.ts'
import type { MoveProgress } from '../../../shared/live-move.ts'
import type { Desired, ManagedServices, ServiceGeneration } from '../../../shared/protocol.ts'
import type { Timing } from '../../../shared/timing.ts'
import type { ServiceType } from '../../../shared/names.ts'
import type { ServerPair } from './clock-pair.ts'
import type { LifeNote, LocalDrill } from './drill-state.ts'
import type { Journal } from './remembered.ts'
import type { Self } from './self.ts'
import type { WatchdogView } from './watchdog-view.ts'

export type { WatchdogView } from './watchdog-view.ts'

export type Sid = string

export type Lrm = {
  self: Self
  state: LrmState
  /** When this process began to decide. */
  startedMs: number
  /** Whether the drivers have looked at the host since this process began. Before that nothing else is done. */
  looked: boolean
  survey: {
    running: boolean
    startedMs: number
    dueMs: number
    retryMs: number
    /** How many looks have begun, and the number of the last one that ended. */
    begun: number
    seen: number
    /** Of each kind of service: the last look in which its driver answered. One that is behind is blind. */
    answered: Partial<Record<ServiceType, number>>
  }
  planeEpoch: PlaneEpoch | null
  timing: Timing
  /** Of the newest orders, of whatever epoch or process. */
  settings: LrmSettings
  /** The epoch whose leases this process may use; null: it must ask for a new one. */
  epoch: Epoch | null
  /** Numbers a request may have: those set aside on disk. */
  seqLimit: LimitOnDisk
  /** The longest W the device may be set to. */
  armLimit: LimitOnDisk
  lease: HeldLease | null
  serverPair: ServerPair | null
  renewal: Renewal
  poll: { id: number; running: boolean; dueMs: number; failures: number }
  joining: Joining
  desired: Desired | null
  managed: ManagedView
  /** The look that answers what these orders ask for: the first to begin after they came. */
  desiredLook: number
  services: Record<Sid, LocalService>
  /** Grants read back as open under this epoch and this plane epoch, with the watchdog armed all the time since. */
  confirmed: Record<Sid, number>
  watchdog: WatchdogView
  /** The plane committed that the watchdog may be closed although services run. */
  released: boolean
  /** It was released, also under an earlier epoch of this boot, and no watchdog was armed since; nor is, before this version is on disk. */
  unarmedSinceRelease: boolean
  armableFromVersion: number
  /** Everything found on the host must be stopped first, whatever is ordered; why. */
  cleaning: string | null
  ending: Ending | null
  /** A drill of the watchdog, as far as this process has brought it. */
  drill: LocalDrill | null
  /** The last drill that this node began in any boot: it is not begun again. */
  lastDrill: string | null
  /** What was last written down about the watchdog, for whoever asks after a reset why it came. */
  life: LifeNote
  journal: Journal
  /** Version of `journal` as it is here, as it is on disk, and being written. */
  journalVersion: number
  writtenVersion: number
  writingVersion: number | null
  /** Writing failed: not tried again before this. */
  writeRetryMs: number
  writeFailures: number
  /** Nothing is sent to the plane before this version is on disk: new epoch, sequence block, plane epoch. */
  sendAfterVersion: number
  /** Version in which each answer and each closing was written down; they are told only once that is on disk. */
  answeredAt: Record<string, number>
  closedAt: Record<Sid, number>
  /** Version in which what was found here, and no journal knew of, was written down: it is told as running once that is on disk. */
  foundAt: Record<Sid, number>
}

/** What the cluster says of how agents go about things, also where the orders themselves are not known. */
export type LrmSettings = Pick<Desired, 'onLeaseLoss' | 'shutdownPolicy' | 'maxWorkers'>

/** Services of the cluster that somebody else could start here. */
export type ManagedView = Pick<ManagedServices, 'services'> & {
  /** Digest of `services`; null: none was ever read. */
  digest: string | null
  /** Of each kind: the look that puts its gates in place, the first to begin after its part of the list came. */
  look: Partial<Record<ServiceType, number>>
  /** The digest that the orders in hand came with; null: none. */
  told: string | null
  asking: boolean
  dueMs: number
  failures: number
}

export type Epoch = {
  number: number
  /** The last number used in a request. */
  seq: number
}

/** A limit that holds once it is on disk: what holds now, and what will with that version of the journal. */
export type LimitOnDisk = { upTo: number; next: { upTo: number; version: number } | null }

export type Renewal = {
  inFlight: SentRenewal | null
  /** Not before this, after a failure; and at this in any case. */
  dueMs: number
  failures: number
  /** What the plane was last told and answered for: anything different is news and sent at once. */
  answeredKey: string
  /** Revision both sent and answered in the last granted renewal: the orders in hand are the newest. */
  settledRevision: number | null
  /** A release was refused: not asked for again before this. */
  noReleaseBeforeMs: number
  /** Revision named in the last request. */
  saidRevision: number
  /** Newest revision the plane told of. */
  toldRevision: number
  /** Generations last reported as closed, and answered for. */
  toldClosed: ServiceGeneration[]
  /** The plane says that the watchdog proves nothing in this epoch any more. */
  unguarded: boolean
}

export type SentRenewal = {
  seq: number
  /** t_s of this very request; no other answer is ever credited with it. */
  sentMs: number
  clocks?: ClockPair | undefined
  key: string
  planeEpoch: number
  revision: number
  confirms: ServiceGeneration[]
  closed: ServiceGeneration[]
  release: boolean
}

export type Joining = {
  running: boolean
  dueMs: number
  failures: number
  challenge: { nonce: string; questions: ServiceGeneration[] } | null
  /** A look at the host is under way that began after the challenge, or after the answer before. */
  looking: boolean
  /** What the drivers found since the challenge; null: they must look (again). */
  found: Found[] | null
  /** Kinds whose driver did not answer in that look. */
  blind: readonly ServiceType[]
}

/** One service as a driver finds it by its marks. `unseen`: it cannot be told now; nothing may be concluded, nor ended. */
export type Found = {
  sid: Sid
  generation: number
  state: 'running' | 'unknown' | 'migrating' | 'incoming' | 'unseen'
}

/** A kind of services that could not be looked for. */
export type Blind = { type: ServiceType; why: string }

export const localPhases = {
  idle: 'nothing of it is on the host',
  starting: 'spawned or about to be, not verified yet',
  running: 'its main process lives',
  stopping: 'being stopped, not verified yet',
  migrating: 'being moved away while it runs; where it is, its driver does not know yet',
  incoming: 'being moved in: paused, and it may come alive at any moment',
  unknown: 'something of it may be left: to be cleaned up before anything else',
  unseen:
    'left running by an earlier process, and its driver cannot tell now: neither gone nor to be ended for it',
} as const
export type LocalPhase = keyof typeof localPhases

export type LocalService = {
  sid: Sid
  /** Of what is, or was last, on the host. */
  generation: number
  phase: LocalPhase
  sinceMs: number
  /** Failed starts in a row; a start that lives for `stableMs` clears them. */
  failures: number
  retryAtMs: number
  lastFailure: { outcome: Outcome; detail: string } | null
  /** When a running stop turns to SIGKILL; an emergency may move it forward. */
  stopByMs: number
  stopFailure: { outcome: Outcome; detail: string } | null
  /** What it waits for in this phase, as it was last told to the log; absent: nothing worth telling. */
  waitsFor?: string
  /** Of its half of a live move; null: none is under way in this process. */
  move: LocalMove | null
}

export type LocalMove = {
  /** The driver is at it and will say how it ended: migrating or receiving, or a cancel. */
  waits: 'driver' | 'cancel' | null
  /** Target: where its driver listens. */
  address: string | null
  /** Target: it comes alive only by being taken up, once its source has sent it off. */
  takesUp: boolean
  /** Source: sent off. Whatever happens, what is left of it here is only to be ended. */
  sent: boolean
  progress: MoveProgress | null
  /** Source: why its driver could not end what is left of what it had sent off; null: it could, or was not asked. */
  doubt: string | null
  /** A cancel that left doubt, or a look at the host: not again before this. */
  retryAtMs: number
  /** Target: its source is gone, so a look that began after this tells whether it has arrived. */
  askedMs: number | null
}

/** `leave`: services run on. `freeze`, `failover`: they are stopped. `migrate`: the plane moves them away first. */
export type EndingWay = 'leave' | 'freeze' | 'failover' | 'migrate'

export type Ending = {
  /** What ends: the agent alone, or its machine. */
  kind: 'restart' | 'shutdown' | 'reboot'
  way: EndingWay
  /** Asked twice: leave at once. */
  forced: boolean
  sinceMs: number
  /** Since when nothing of any service is left. */
  stoppedMs: number | null
}

/** Services that go on as ordered: no end is asked for, or one that waits until the plane has moved them away. */
export function isStaying({ ending }: Lrm): boolean {
  return ending === null || ending.way === 'migrate'
}

/** A released node whose orders are not known yet is taken for a disarmed one. */
export function isDisarmed({ desired, released }: Lrm): boolean {
  return desired === null ? released : desired.mode === 'disarm'
}

/**
 * Whether start gates are left as they are: in a disarmed cluster whoever takes one away is not to find it there again.
 * Before the orders are known that goes by the last epoch, of whatever boot.
 */
export function leavesGates({ desired, journal }: Lrm): boolean {
  return desired === null ? journal.epoch?.state === 'released' : desired.mode === 'disarm'
}

/** Everything is to be stopped, because the machine goes down. */
export function isStoppingAll({ ending }: Lrm): boolean {
  return ending?.way === 'freeze' || ending?.way === 'failover'
}
