// What a decision asks the world to do, and what the world answers: data on both sides. The loop runs the effects in
// their order, and turns every result into an event of a later decision.
import type { HeldLease, PlaneEpoch } from '../../../shared/lease.ts'
import type { WatchdogClass } from '../../../shared/node.ts'
import type { FoundState, Outcome } from '../../../shared/outcome.ts'
import type { MoveProgress } from '../../../shared/live-move.ts'
import type {
  Desired,
  EpochAnswer,
  LeaseAnswer,
  LeaseRequest,
  ManagedServices,
} from '../../../shared/protocol.ts'
import type { Asked } from '../../drivers/driver.ts'
import type { OutsideReading } from './clock-pair.ts'
import type { LifeNote } from './drill-state.ts'
import type { Blind, Found, Sid } from './lrm.ts'
import type { Journal } from './remembered.ts'

export type Effect =
  /** Feed, if it is still not later than `untilMs`: checked again at the device, in the same breath as the write. */
  | { kind: 'feed'; untilMs: number }
  /**
   * Open the watchdog, or set its timeout; both are feeds, so `untilMs` holds here too. `drill`: it is the last feed of this
   * boot, and first that is written down.
   */
  | {
      kind: 'arm'
      timeoutMs: number
      untilMs: number
      drill?: { uid: string; effectiveMs: number }
    }
  | { kind: 'close-watchdog' }
  /** A sign of life, on disk, of a machine that is not fed. */
  | { kind: 'beat-drill'; fedMs: number }
  | { kind: 'interrupt-drill' }
  | { kind: 'end-drill'; uid: string; outcome: 'did-not-fire' | 'not-armed'; detail: string }
  | { kind: 'note-life'; life: LifeNote }
  | { kind: 'write-journal'; version: number; journal: Journal }
  | { kind: 'note-lease'; lease: HeldLease }
  | { kind: 'stop'; sid: Sid; generation: number; timeoutMs: number }
  /** A start is likely soon: whatever makes it quicker and starts nothing. */
  | { kind: 'prepare'; sid: Sid; generation: number }
  | { kind: 'start'; sid: Sid; generation: number; spec: unknown; untilMs: number }
  /** Open this node's half of a live move, or attach to the one that is there. */
  | {
      kind: 'receive'
      sid: Sid
      generation: number
      spec: unknown
      from: string
      untilMs: number
    }
  | {
      kind: 'migrate'
      sid: Sid
      generation: number
      /** The generation that its marks on the host bear. */
      marked: number
      /** Of the order: what comes back later than the move it is about changes nothing. */
      uid: string
      spec: unknown
      target: string
      address: string
      timeoutMs: number
      untilMs: number
    }
  /**
   * Let come alive what was received. `from`: the node that has sent it off; null: whether it was sent is not known, so it
   * is only looked at.
   */
  | {
      kind: 'take-up'
      sid: Sid
      generation: number
      spec: unknown
      from: string | null
      untilMs: number
    }
  /** End a move away for good, and say what is true of it. What was sent off is ended here. */
  | { kind: 'cancel-move'; sid: Sid; generation: number; uid: string }
  | { kind: 'renew'; request: LeaseRequest; timeoutMs: number }
  | { kind: 'ask-epoch'; nonce: string | null; found: AnswerFound[]; planeEpoch: PlaneEpoch | null }
  | { kind: 'poll'; id: number; planeEpoch: number; revision: number; waitMs: number }
  | { kind: 'cancel-poll' }
  /** \`known\`: whose start gates must be in place. \`held\`: services whose grant is confirmed here. */
  | { kind: 'survey'; asked: Asked[]; known: readonly Asked[]; held: readonly Sid[] }
  /** Read the managed services, and keep them on disk. */
  | { kind: 'ask-managed' }
  | {
      kind: 'say'
      level: 'info' | 'warn' | 'error'
      message: string
      facts: Record<string, unknown>
    }
  | { kind: 'exit'; code: number }

export type AnswerFound = { sid: Sid; generation: number; state: FoundState }

/** A refusal of the plane: its code, and the plane epoch where it names one. */
export type Refused = { code: string; detail: string; planeEpoch: PlaneEpoch | null }

export type LrmEvent =
  /** `blind`: kinds whose driver did not answer, or has a start gate that is not in place; nothing of these is known to be gone. */
  | { kind: 'surveyed'; found: Found[]; blind?: Blind[] }
  /** \`managed\`: digest of the managed services as the answer came with it. */
  | { kind: 'desired'; id: number; desired: Desired; managed?: string | null }
  | { kind: 'desired-unchanged'; id: number; managed?: string | null }
  | { kind: 'managed'; list: ManagedServices }
  | { kind: 'managed-failed'; why: string }
  | { kind: 'desired-failed'; id: number; why: string }
  | { kind: 'lease-granted'; seq: number; answer: LeaseAnswer }
  | { kind: 'lease-refused'; seq: number; refused: Refused }
  | { kind: 'lease-failed'; seq: number; why: string }
  | { kind: 'epoch-answered'; answer: EpochAnswer }
  | { kind: 'epoch-refused'; refused: Refused }
  | { kind: 'epoch-failed'; why: string }
  | { kind: 'started' | 'stopped'; sid: Sid; generation: number; outcome: Outcome; detail: string }
  | { kind: 'exited'; sid: Sid; generation: number; detail: string }
  | {
      kind: 'receiving'
      sid: Sid
      generation: number
      outcome: Outcome
      detail: string
      address?: string
      takesUp?: boolean
    }
  | { kind: 'taken-up'; sid: Sid; generation: number; outcome: Outcome; detail: string }
  | { kind: 'arrived'; sid: Sid; generation: number }
  /** A migration or its cancelling has ended: `left` is what is here of it, as verified. */
  | {
      kind: 'migrated'
      sid: Sid
      generation: number
      uid: string
      outcome: Outcome
      detail: string
      left: 'running' | 'nothing' | 'sent' | 'unknown'
    }
  | { kind: 'move-progress'; sid: Sid; generation: number; progress: MoveProgress }
  /** What the device is now, where that has changed: another program has taken it, or has let go of it. */
  | { kind: 'watchdog-seen'; class: WatchdogClass; counting: boolean; why: string }
  | { kind: 'armed'; configuredMs: number; effectiveMs: number; canClose: boolean }
  /** `open`: an earlier arming still holds, and counts down. */
  | { kind: 'arm-failed'; why: string; open?: boolean }
  | { kind: 'drill-not-begun'; why: string }
  | { kind: 'fed' }
  | { kind: 'fed-late'; why: string }
  /** `counting`: whether the device says that its countdown runs on. */
  | { kind: 'feed-failed'; why: string; counting: boolean }
  | { kind: 'watchdog-closed' }
  | { kind: 'watchdog-close-failed'; why: string }
  | { kind: 'journaled'; version: number }
  | { kind: 'journal-failed'; why: string }
  | { kind: 'signal'; signal: 'restart' | 'shutdown' | 'reboot' }

export type LrmInput = {
  nowMs: number
  events: LrmEvent[]
  /** Of a virtual machine: a clock of its hypervisor, read for this decision; absent or null: there is none to be read. */
  outside?: OutsideReading | null
}
