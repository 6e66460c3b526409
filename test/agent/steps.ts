// The agent's decision, one step at a time: the reader of a test plays host, device, disk and plane.
import type { OutsideReading } from '../../agent/lrm/decide/clock-pair.ts'
import { decideLrm } from '../../agent/lrm/decide/decide.ts'
import type { Effect, LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { Lrm } from '../../agent/lrm/decide/lrm.ts'
import type { Journal } from '../../agent/lrm/decide/remembered.ts'
import { resumeLrm } from '../../agent/lrm/decide/resume.ts'
import type { ClockPair } from '../../shared/lease.ts'
import type { WatchdogClass } from '../../shared/node.ts'
import type { Desired, Order } from '../../shared/protocol.ts'
import { profiles, type Timing } from '../../shared/timing.ts'

export const clusterUuid = '11111111-1111-4111-8111-111111111111'
export const nodeUid = '22222222-2222-4222-8222-222222222222'
export const bootId = 'boot-1-xxxx'
export const plane = { number: 5, uuid: '33333333-3333-4333-8333-333333333333' }
export const sid = 'process:web'
export const generation = 7

export type From = {
  timing?: Timing
  journal?: Partial<Journal>
  leaseMs?: number
  sentMs?: number
  nowMs?: number
  running?: boolean
  virtual?: boolean
  /** As the device is found by the new process. */
  watchdog?: WatchdogClass
  factor?: number
  clocks?: ClockPair
}

/** A new process whose predecessor, in the same boot, ran `sid` under an open epoch. */
export function resumed(from: From = {}): Lrm {
  const timing = from.timing ?? profiles.default
  const journal: Journal = {
    bootId,
    epoch: { number: 1, seqReserved: 10_000, planeNumber: plane.number, state: 'open' },
    planeEpoch: plane,
    timing,
    armedMs: timing.watchdogMs,
    started: { [sid]: generation },
    closed: {},
    answers: {},
    restarted: {},
    moving: {},
    ...from.journal,
  }
  const info = {
    class: from.watchdog ?? ('qualified' as const),
    identity: 'test',
    effectiveMs: (journal.timing ?? profiles.default).watchdogMs,
  }
  return resumeLrm({
    self: { clusterUuid, nodeUid, bootId, drivers: ['process'], virtual: from.virtual ?? false },
    nowMs: from.nowMs ?? 101_000,
    journal,
    note: {
      bootId,
      lease: {
        ...{ epoch: 1, sentMs: from.sentMs ?? 100_000, leaseMs: from.leaseMs ?? timing.leaseMs },
        ...(from.clocks && { clocks: from.clocks }),
      },
    },
    watchdog: { info, factor: from.factor ?? 1, running: from.running ?? true },
  })
}

export function order(more: Partial<Order> = {}): Order {
  return {
    sid,
    state: 'started',
    uid: 'u1',
    generation,
    stopTimeoutMs: 1_000,
    restart: false,
    maxRestart: 1,
    spec: { command: ['sleep', '1'] },
    ...more,
  }
}

export function desired(services: Order[], more: Partial<Desired> = {}): Desired {
  return {
    ...{ clusterUuid, nodeUid, planeEpoch: plane, revision: 10, mode: 'active' },
    ...{ timing: profiles.default, maxWorkers: 4, onLeaseLoss: 'gentle', services, probes: [] },
    shutdownPolicy: 'conditional',
    ...more,
  }
}

/** An RTC that shows whole seconds. */
export function rtc(trueMs: number): OutsideReading {
  return { name: 'rtc0', stepMs: 1_000, outsideMs: Math.floor(trueMs / 1_000) * 1_000 }
}

/** How the plane answers; `revision`: its newest. */
export type Granted = {
  released?: boolean
  unguarded?: boolean
  leaseMs?: number
  revision?: number
}

export class Steps {
  lrm: Lrm
  nowMs: number
  effects: Effect[] = []
  /** Effects of every decision so far. */
  all: Effect[] = []
  /** Journal writes succeed at once, unless the disk is full. */
  diskFull = false
  /** Why the device cannot be armed; null: it can. */
  armFails: string | null = null
  /** … and is open all the same. */
  armOpen = false
  /** What the hypervisor's clock shows; null: there is none. */
  outside: OutsideReading | null = null
  /** The plane's clock; null: in step with this machine's. */
  serverTimeMs: number | null = null
  device: { effectiveMs: number; canClose: boolean } = { effectiveMs: 10_000, canClose: true }

  constructor(lrm: Lrm, nowMs = 101_000) {
    this.lrm = lrm
    this.nowMs = nowMs
  }

  /** Decides; the disk, when there is room, and the device answer at once. */
  tell(...events: LrmEvent[]): Effect[] {
    const decision = decideLrm(structuredClone(this.lrm), {
      ...{ nowMs: this.nowMs, events, outside: this.outside },
    })
    this.lrm = decision.lrm
    this.effects = decision.effects
    this.all.push(...decision.effects)
    const now: LrmEvent[] = []
    for (const effect of decision.effects) {
      if (effect.kind === 'write-journal' && !this.diskFull)
        now.push({ kind: 'journaled', version: effect.version })
      if (effect.kind === 'arm')
        now.push(
          this.armFails === null
            ? { kind: 'armed', configuredMs: effect.timeoutMs, ...this.device }
            : { kind: 'arm-failed', why: this.armFails, open: this.armOpen },
        )
      if (effect.kind === 'close-watchdog') now.push({ kind: 'watchdog-closed' })
    }
    const mine = decision.effects
    if (now.length > 0) this.tell(...now)
    return mine
  }

  kinds(): string[] {
    return this.all.map((effect) => effect.kind)
  }

  last<K extends Effect['kind']>(kind: K): Extract<Effect, { kind: K }> | undefined {
    return this.all.findLast((effect) => effect.kind === kind) as never
  }

  /** Grants the renewal in flight. */
  grant(more: Granted = {}): void {
    const { request } = this.last('renew')!
    this.tell({
      kind: 'lease-granted',
      seq: request.seq,
      answer: {
        ...{ epoch: request.epoch, seq: request.seq, leaseMs: more.leaseMs ?? 60_000 },
        ...{
          planeEpoch: request.planeEpoch,
          revision: more.revision ?? 10,
          serverTimeMs: this.serverTimeMs ?? 7_000_000 + this.nowMs,
        },
        ...{ confirmed: request.confirms, released: more.released ?? false },
        unguarded: more.unguarded ?? false,
      },
    })
  }

  orders(document: Desired, managed: string | null = null): void {
    this.tell({ kind: 'desired', id: this.lrm.poll.id, desired: document, managed })
  }

  /** Armed, leased, confirmed, `sid` running. */
  static running(from: From = {}): Steps {
    const steps = new Steps(resumed(from), from.nowMs ?? 101_000)
    if (from.clocks) steps.outside = rtc(from.clocks.outsideMs + steps.nowMs - from.clocks.bootMs)
    steps.tell()
    steps.tell({ kind: 'surveyed', found: [{ sid, generation, state: 'running' }] })
    steps.orders(desired([order()], { timing: from.timing ?? profiles.default }))
    for (let i = 0; i < 3; i++) if (steps.lrm.renewal.inFlight) steps.grant()
    return steps
  }
}
