// A control plane of a few lines, for tests of the agent's decisions: epochs, leases, confirms and releases as the
// real one answers them. It is the judge: what it has committed is what was promised.
import type { LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { LrmSettings } from '../../agent/lrm/decide/lrm.ts'
import { firstSettings } from '../../agent/lrm/decide/resume.ts'
import type { Desired, EpochAnswer, LeaseRequest, Order } from '../../shared/protocol.ts'
import { profiles } from '../../shared/timing.ts'

export const clusterUuid = '11111111-1111-4111-8111-111111111111'
export const nodeUid = '22222222-2222-4222-8222-222222222222'
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

export class FakePlane {
  timing = profiles.fast
  epoch = 0
  bootId: string | null = null
  seq = 0
  planeEpoch = { number: 1, uuid: uuidOf(1) }
  revision = 1
  mode: Desired['mode'] = 'active'
  /** A drill that is ordered, as it is in maintenance only. */
  drill: string | null = null
  settings: LrmSettings = { ...firstSettings }
  orders = new Map<string, Order>()
  /** `sid/generation` of which another node may have a half. */
  shared = new Set<string>()
  probes = new Set<string>()
  /** What becomes of the order for a service whose generation was ended. */
  onEnd: Order['state'] = 'stopped'
  nextGeneration = 1
  nextUid = 1
  /** When the epoch in force may be taken for over; never moves back. */
  leaseUntilMs = 0
  guarded: boolean | null = null
  released = false
  /** `epoch/plane/sid/generation` that were ever confirmed. */
  confirmed = new Set<string>()
  /** Epochs revoked, with the moment from which their grants count as dead, if their watchdog proves it. */
  revoked: { epoch: number; leaseUntilMs: number; guarded: boolean; sids: Map<string, number> }[] =
    []
  /** Reports of the last renewal. */
  closed = new Map<string, number>()
  results = new Map<string, string>()
  nonce = 0

  order(sid: string, state: Order['state'], over: Partial<Order> = {}): Order {
    const known = this.orders.get(sid)
    const order: Order = {
      sid,
      state,
      uid: `u${this.nextUid++}`,
      generation: known?.generation ?? null,
      stopTimeoutMs: 3_000,
      restart: false,
      maxRestart: 1,
      spec: { command: ['true'] },
      ...over,
    }
    this.orders.set(sid, order)
    this.revision++
    return order
  }

  /** A new grant, and the order to use it. */
  grant(sid: string): Order {
    return this.order(sid, 'started', { generation: this.nextGeneration++ })
  }

  isHeld(sid: string, generation: number): boolean {
    return this.orders.get(sid)?.generation === generation
  }

  drop(sid: string): void {
    this.orders.delete(sid)
    this.revision++
  }

  /** The history changed: everything confirmed before is void. */
  changeHistory(): void {
    const number = this.planeEpoch.number + 1
    this.planeEpoch = { number, uuid: uuidOf(number) }
    this.revision++
  }

  /** The epoch is revoked, as the CRM does when the node is silent. */
  revoke(): void {
    if (this.bootId === null) return
    const sids = new Map<string, number>()
    for (const { sid, generation } of this.orders.values())
      if (generation !== null) sids.set(sid, generation)
    const guarded = this.guarded === true && !this.released
    this.revoked.push({ epoch: this.epoch, leaseUntilMs: this.leaseUntilMs, guarded, sids })
    this.epoch++
    this.bootId = null
    this.seq = 0
    this.guarded = null
    this.released = false
    this.revision++
  }

  desired(): Desired {
    return {
      ...{ clusterUuid, nodeUid, planeEpoch: this.planeEpoch, revision: this.revision },
      ...{ mode: this.mode, timing: this.timing, ...this.settings },
      services: [...this.orders.values()],
      probes: [...this.probes],
      ...(this.drill !== null && { drill: { uid: this.drill } }),
    }
  }

  /** Ordered of a node that is kept empty, as far as the plane knows. */
  orderDrill(): void {
    if ([...this.orders.values()].some(({ generation }) => generation !== null)) return
    this.mode = 'maintenance'
    this.drill = `drill-${this.nextUid++}`
    this.revision++
  }

  endMaintenance(): void {
    if (this.mode !== 'maintenance') return
    this.mode = 'active'
    this.drill = null
    this.revision++
  }

  /** What the commit of this renewal answers. */
  renew(request: LeaseRequest, nowMs: number): LrmEvent {
    const { seq } = request
    const refuse = (code: string): LrmEvent => ({
      kind: 'lease-refused',
      seq,
      refused: { code, detail: code, planeEpoch: this.planeEpoch },
    })
    if (request.planeEpoch.number !== this.planeEpoch.number) return refuse('plane-epoch')
    if (request.epoch !== this.epoch || request.bootId !== this.bootId) return refuse('fenced')
    if (seq <= this.seq) return refuse('stale')
    if (request.release && !this.isHeldStill()) return refuse('release-refused')
    this.seq = seq
    this.leaseUntilMs = Math.max(this.leaseUntilMs, nowMs + this.timing.leaseMs)
    if (request.release) {
      this.released = true
      this.guarded = this.holdsConfirmed() ? false : null
    } else if (request.armed) {
      this.released = false
      if (request.confirms.length > 0) this.guarded ??= true
    } else this.guarded = this.guarded === null ? null : this.holdsConfirmed() ? false : null
    this.takeReport(request)
    return {
      kind: 'lease-granted',
      seq,
      answer: {
        ...{ epoch: this.epoch, seq, leaseMs: this.timing.leaseMs, planeEpoch: this.planeEpoch },
        ...{ revision: this.revision, released: request.release, serverTimeMs: 0 },
        unguarded: this.guarded === false,
        confirmed: request.armed ? request.confirms.filter((one) => this.confirm(one)) : [],
      },
    }
  }

  private confirm({ sid, generation }: { sid: string; generation: number }): boolean {
    if (this.orders.get(sid)?.generation !== generation) return false
    this.confirmed.add(`${this.epoch}/${this.planeEpoch.number}/${sid}/${generation}`)
    return true
  }

  private isHeldStill(): boolean {
    return [...this.orders.values()].every(
      ({ state, generation }) =>
        generation === null || ['freeze', 'error', 'ignored'].includes(state),
    )
  }

  private holdsConfirmed(): boolean {
    return [...this.orders.values()].some(({ generation }) => generation !== null)
  }

  private takeReport(request: LeaseRequest): void {
    for (const { uid, outcome } of request.results) this.results.set(uid, outcome)
    for (const { sid, generation } of request.closed) this.end(sid, generation)
  }

  private end(sid: string, generation: number): void {
    this.closed.set(sid, Math.max(generation, this.closed.get(sid) ?? -1))
    const order = this.orders.get(sid)
    if (order?.generation === generation) this.order(sid, this.onEnd, { generation: null })
  }

  /** Challenge, then adopt what is found running, end what is found stopped. */
  settle(request: {
    bootId: string
    nonce: string | null
    found: { sid: string; generation: number; state: string }[]
  }): EpochAnswer {
    const { planeEpoch } = this
    const held = [...this.orders.values()].filter((order) => order.generation !== null)
    if (request.nonce !== `n${this.nonce}`) {
      if (this.bootId !== null) this.revoke()
      else if (this.epoch === 0) this.epoch = 1
      this.nonce++
      const questions = held.map(({ sid, generation }) => ({ sid, generation: generation ?? 0 }))
      return { status: 'challenge', nonce: `n${this.nonce}`, questions, planeEpoch }
    }
    for (const { sid, generation } of held) {
      const found = request.found.find((one) => one.sid === sid && one.generation === generation)
      if (found?.state === 'stopped') this.end(sid, generation ?? 0)
      else if (found?.state !== 'running')
        return { status: 'settling', why: `${sid} is not settled`, planeEpoch }
    }
    this.nonce++
    this.bootId = request.bootId
    this.seq = 0
    this.guarded = null
    this.released = false
    for (const order of this.orders.values()) if (order.generation !== null) this.revision++
    return { status: 'joined', epoch: this.epoch, planeEpoch, timing: this.timing }
  }
}
