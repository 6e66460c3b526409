// A machine for the agent's decisions in virtual time: runs effects as the shell does, and notes each breach of the contract.
import { decideLrm } from '../../agent/lrm/decide/decide.ts'
import type { Effect, LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { Lrm } from '../../agent/lrm/decide/lrm.ts'
import type { Journal, LeaseNote } from '../../agent/lrm/decide/remembered.ts'
import { resumeLrm } from '../../agent/lrm/decide/resume.ts'
import { beginRenewal, beginStart, beginStop, checkAnswers, judgeRevoked } from './contract.ts'
import { clusterUuid, FakePlane, nodeUid } from './fake-plane.ts'
import { DrillWatch } from './drill-watch.ts'
import { beginMove, isMove, type Job, look } from './halves.ts'
import { TwoSteps } from './two-step-halves.ts'

/** An effect begun and not ended: told later, in any order, or never. */
export type Pending = { effect: Effect; finish(): LrmEvent | null; fail(): LrmEvent | null }

export class World {
  nowMs = 100_000
  boot = 1
  plane = new FakePlane()
  host = new Map<string, number>()
  /** Halves of live moves that listen, and jobs that move something away. */
  incoming = new Map<string, number>()
  jobs = new Map<string, Job>()
  /** Moves away that were begun, by order and by `sid/generation`; orders whose job took it away. */
  begun = new Map<string, number>()
  began = new Set<string>()
  moved = new Set<string>()
  twoSteps = new TwoSteps()
  device = { open: false, running: false, deadlineMs: 0, effectiveMs: 0 }
  /** It never fires, whatever anybody does. */
  isDeviceDead = false
  isDrillDiskFull = false
  drills = new DrillWatch(this)
  disk: { journal: Journal | null; note: LeaseNote | null } = { journal: null, note: null }
  pending: Pending[] = []
  wakeAtMs = 0
  exited: number | null = null
  breaches: string[] = []
  said: string[] = []
  done: Effect[] = []
  /** Highest seq sent for each epoch, whatever process sent it. */
  seqs = new Map<number, number>()
  /** Generations told as ended, by service. */
  toldClosed = new Map<string, number>()
  failStarts = new Set<string>()
  /** Until when the answers that came allow the watchdog to be fed. */
  mayFeedUntilMs = Number.NEGATIVE_INFINITY
  lrm: Lrm

  constructor() {
    this.lrm = this.resume()
    this.decide([])
  }

  /** Something runs, or may come alive. */
  get isBusy(): boolean {
    return this.host.size + this.incoming.size > 0
  }

  get bootId(): string {
    return `boot-${this.boot}-xxxx`
  }

  resume(): Lrm {
    const info = { class: 'simulated' as const, identity: 'test', effectiveMs: 3_000 }
    return resumeLrm({
      self: { clusterUuid, nodeUid, bootId: this.bootId, drivers: ['process'] },
      nowMs: this.nowMs,
      ...structuredClone(this.disk),
      watchdog: { info, factor: 1, running: this.device.running },
      lastDrill: this.drills.last,
    })
  }

  /** The agent's process dies: nothing it had begun comes back, and an open device is pinged once by the kernel. */
  crash(): void {
    this.pending = []
    if (this.device.open) this.feedDevice()
    this.device.open = false
    this.exited = null
    this.lrm = this.resume()
    this.decide([])
  }

  /** The machine dies and boots again. */
  reset(): void {
    for (const what of [this.host, this.incoming, this.jobs, this.twoSteps.sent]) what.clear()
    this.boot++
    this.pending = []
    this.device = { open: false, running: false, deadlineMs: 0, effectiveMs: 0 }
    this.exited = null
    this.lrm = this.resume()
    this.decide([])
  }

  decide(events: LrmEvent[]): Effect[] {
    if (this.exited !== null) return []
    const decision = decideLrm(structuredClone(this.lrm), { nowMs: this.nowMs, events })
    this.lrm = decision.lrm
    this.wakeAtMs = decision.wakeAtMs
    const more: LrmEvent[] = []
    for (const effect of decision.effects) {
      this.done.push(effect)
      const event = this.run(effect)
      if (event) more.push(event)
    }
    return more.length > 0 ? [...decision.effects, ...this.decide(more)] : decision.effects
  }

  /** Lets time pass, waking the agent when it asked for it and killing the machine when nobody feeds. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const isCounting = this.device.running && !this.isDeviceDead
      const deviceMs = isCounting ? this.device.deadlineMs : Infinity
      const nextMs = Math.min(untilMs, this.wakeAtMs, deviceMs)
      this.nowMs = Math.max(this.nowMs, nextMs)
      if (isCounting && this.nowMs >= this.device.deadlineMs) this.reset()
      judgeRevoked(this)
      if (this.nowMs >= untilMs) return void this.decide([])
      const beforeMs = this.nowMs
      this.decide([])
      if (this.wakeAtMs <= beforeMs) this.wakeAtMs = beforeMs + 1
    }
  }

  /** Ends one pending effect: as it should, or with a failure. */
  finish(index: number, how: 'finish' | 'fail' = 'finish'): void {
    const [one] = this.pending.splice(index, 1)
    const event = one?.[how]()
    if (event) this.decide([event])
  }

  /** Ends everything pending but parked polls with nothing new. */
  settle(rounds = 100): void {
    this.settleBut([], rounds)
  }

  /** The same, but for some kinds of effects, which stay under way. */
  settleBut(kept: readonly Effect['kind'][], rounds = 100): void {
    for (let round = 0; round < rounds; round++) {
      const index = this.pending.findIndex(
        ({ effect }) =>
          !kept.includes(effect.kind) &&
          (effect.kind !== 'poll' || effect.revision !== this.plane.revision),
      )
      if (index < 0) return
      this.finish(index)
    }
  }

  /** Cut off from the plane: whatever is asked fails after a while. Everything else works. */
  cut(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      for (let index = this.pending.length - 1; index >= 0; index--) {
        const kind = this.pending[index]?.effect.kind ?? ''
        this.finish(index, ['renew', 'poll', 'ask-epoch'].includes(kind) ? 'fail' : 'finish')
      }
      this.pass(100)
    }
  }

  /** A healthy while. */
  run1s(seconds = 1): void {
    for (let tick = 0; tick < seconds * 10; tick++) {
      this.settle()
      this.pass(100)
    }
  }

  /** Writes down a breach of the contract, if it is one. */
  breach(condition: boolean, what: string): void {
    if (condition) this.breaches.push(`${what} at ${this.nowMs}`)
  }

  /** Something runs, and something may be concluded from this node's silence. */
  private needsLease = (): boolean => this.isBusy && !this.plane.released
  private feedDevice(): void {
    this.device.running = true
    this.device.deadlineMs = this.nowMs + this.device.effectiveMs
  }

  private run(effect: Effect): LrmEvent | null {
    this.drills.look(effect)
    switch (effect.kind) {
      case 'say':
        this.said.push(effect.message)
        return null
      case 'exit':
        this.breach(this.device.running && effect.code === 0, 'left a device that counts')
        this.exited = effect.code
        return null
      case 'feed':
        if (this.nowMs > effect.untilMs) return { kind: 'fed-late', why: 'late' }
        this.breach(this.needsLease() && this.nowMs > this.mayFeedUntilMs, 'fed without a lease')
        this.feedDevice()
        return null
      case 'arm':
        if (effect.drill && this.isDrillDiskFull) return { kind: 'drill-not-begun', why: 'ENOSPC' }
        if (this.nowMs > effect.untilMs) return { kind: 'arm-failed', why: 'late' }
        this.breach(this.isBusy && this.nowMs > this.mayFeedUntilMs, 'opened without a lease')
        this.device.effectiveMs = effect.timeoutMs
        this.device.open = true
        this.feedDevice()
        return {
          ...{ kind: 'armed', configuredMs: effect.timeoutMs, effectiveMs: effect.timeoutMs },
          canClose: true,
        }
      case 'close-watchdog':
        this.breach(this.needsLease(), 'closed while services run')
        this.device = { ...this.device, open: false, running: false }
        return { kind: 'watchdog-closed' }
      case 'note-lease':
        this.disk.note = { bootId: this.bootId, lease: effect.lease }
        return null
      case 'cancel-poll':
        this.pending = this.pending.filter(({ effect: other }) => other.kind !== 'poll')
        return null
      default:
        this.begin(effect)
        return null
    }
  }

  private begin(effect: Effect): void {
    const add = (finish: Pending['finish'], fail: Pending['fail'] = finish) =>
      this.pending.push({ effect, finish, fail })
    if (effect.kind === 'write-journal') {
      const journal = structuredClone(effect.journal)
      add(
        () => {
          this.disk.journal = journal
          return { kind: 'journaled', version: effect.version }
        },
        () => ({ kind: 'journal-failed', why: 'disk' }),
      )
    } else if (effect.kind === 'survey') {
      const found = look(this)
      add(() => ({ kind: 'surveyed', found }))
    } else if (effect.kind === 'poll') {
      const { id, revision } = effect
      const tell = (): LrmEvent =>
        this.plane.revision === revision
          ? { kind: 'desired-unchanged', id }
          : { kind: 'desired', id, desired: structuredClone(this.plane.desired()) }
      add(tell, () => ({ kind: 'desired-failed', id, why: 'net' }))
    } else if (effect.kind === 'ask-epoch') {
      checkAnswers(this, effect)
      const request = { bootId: this.bootId, nonce: effect.nonce, found: effect.found }
      add(
        () => ({ kind: 'epoch-answered', answer: this.plane.settle(request) }),
        () => ({ kind: 'epoch-failed', why: 'net' }),
      )
    } else if (effect.kind === 'renew') beginRenewal(this, effect, add)
    else if (isMove(effect)) beginMove(this, effect, add)
    else if (effect.kind === 'start') beginStart(this, effect, add)
    else if (effect.kind === 'stop') beginStop(this, effect, add)
  }
}
