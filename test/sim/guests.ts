// What really runs on a machine: services as the world sees them, whatever any agent or database believes of them.
import type { Incoming, Outgoing } from './live-moves.ts'
import type { Scheduled, Scheduler } from './scheduler.ts'

/** `leftover`: its main process is gone, something of it is still there. */
export type Guest = {
  sid: string
  generation: number
  state: 'starting' | 'running' | 'leftover'
  startedMs: number
}

/** A start that some daemon still has in hand, though nobody waits for it any more. */
export type PendingStart = { sid: string; generation: number; scheduled: Scheduled }

export class Guests {
  readonly running = new Map<string, Guest>()
  readonly pending = new Map<string, PendingStart>()
  /** Halves of live moves: those that wait for a guest, and jobs that move one away. */
  readonly incoming = new Map<string, Incoming>()
  readonly outgoing = new Map<string, Outgoing>()
  /** What was sent off in the first of two steps, by its generation: nothing of it can come alive here again. */
  readonly sent = new Map<string, number>()
  /** Services that nobody but the agent can start here, since a look that knew of them; a boot may have lost that. */
  readonly gates = new Set<string>()
  /** Services whose gates are on the disk, where a boot finds them. */
  readonly gatesOnDisk = new Set<string>()
  /** Services that no kill ends: until the world lets go of them. */
  readonly stuck = new Set<string>()
  /** Kinds whose tool hangs: their driver can tell, start and stop nothing. What runs, runs on. */
  readonly blind = new Set<string>()
  onStart: (guest: Guest) => void = () => {}
  onEnd: (guest: Guest) => void = () => {}
  onArrival: (guest: Guest) => void = () => {}
  /** What an agent that is gone had begun to stop has ended: the one that is there now sees it go. */
  onLateEnd: (guest: Guest) => void = () => {}
  private readonly scheduler: Scheduler

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler
  }

  /** Nothing of any service is here, nor can come alive here. */
  get isEmpty(): boolean {
    return this.running.size + this.pending.size + this.incoming.size === 0
  }

  start(sid: string, generation: number, startMs: number, ends: Guest['state']): void {
    const { nowMs } = this.scheduler
    const guest: Guest = { sid, generation, state: 'starting', startedMs: nowMs }
    this.running.set(sid, guest)
    this.onStart(guest)
    this.scheduler.after(startMs, () => {
      if (this.running.get(sid) === guest && guest.state === 'starting') guest.state = ends
    })
  }

  /** A start that comes true later, unless it is cancelled. */
  startLater(sid: string, generation: number, ms: number, startMs: number): void {
    this.cancelPending(sid)
    const scheduled = this.scheduler.after(ms, () => {
      this.pending.delete(sid)
      if (!this.running.has(sid)) this.start(sid, generation, startMs, 'running')
    })
    this.pending.set(sid, { sid, generation, scheduled })
  }

  cancelPending(sid: string): void {
    this.scheduler.cancel(this.pending.get(sid)?.scheduled ?? null)
    this.pending.delete(sid)
  }

  /** What was incoming comes alive: it has been running all the time, elsewhere. */
  arrive(sid: string): void {
    const half = this.incoming.get(sid)
    if (!half) return
    this.incoming.delete(sid)
    const { generation } = half
    const guest: Guest = { sid, generation, state: 'running', startedMs: this.scheduler.nowMs }
    this.running.set(sid, guest)
    this.onStart(guest)
    this.onArrival(guest)
  }

  /** Nothing of it is left. */
  end(sid: string, isLate = false): void {
    const guest = this.running.get(sid)
    if (!guest) return
    this.running.delete(sid)
    this.onEnd(guest)
    if (isLate && guest.state === 'running') this.onLateEnd(guest)
  }

  /** Its main process dies. Returns its generation where it was running, which its driver sees. */
  crash(sid: string, leavesSomething: boolean): number | null {
    const guest = this.running.get(sid)
    if (!guest || guest.state === 'leftover') return null
    const wasRunning = guest.state === 'running'
    guest.state = 'leftover'
    if (!leavesSomething) this.end(sid)
    return wasRunning ? guest.generation : null
  }

  /** The machine is off. */
  endAll(): void {
    this.gates.clear()
    for (const sid of [...this.pending.keys()]) this.cancelPending(sid)
    for (const { scheduled } of this.outgoing.values()) this.scheduler.cancel(scheduled)
    this.outgoing.clear()
    this.incoming.clear()
    this.sent.clear()
    for (const sid of [...this.running.keys()]) this.end(sid)
    this.stuck.clear()
    this.blind.clear()
  }
}
