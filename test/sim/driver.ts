// The driver of a simulated machine: starts and stops take time, fail, hang, answer late and leave things behind, as
// their behaviour says. What it finds it finds on the host, as real drivers do.
import type { Asked, Driver, DriverResult, StartRequest } from '../../agent/drivers/driver.ts'
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import { foundOn } from './found.ts'
import { cancelMove } from './live-moves.ts'
import { MovingDriver } from './moving-driver.ts'

type Stopping = { byMs: number; finish: (() => void)[]; cancel: () => void }

type Answer = (ms: number, outcome: DriverResult['outcome'], detail: string) => void

const killMs = 50
const hangs = 'its tool hangs'

export class SimDriver extends MovingDriver implements Driver {
  private readonly stopping = new Map<string, Stopping>()

  survey(_asked: readonly Asked[] = [], known: readonly Asked[] = []): Promise<Found[]> {
    return this.later(this.behaviour.surveyMs(), () => {
      if (this.guests.blind.has(this.type)) throw new Error(hangs)
      for (const { sid } of known)
        for (const gates of [this.guests.gates, this.guests.gatesOnDisk]) gates.add(sid)
      return foundOn(this.guests).filter(({ sid }) => sid.startsWith(`${this.type}:`))
    })
  }

  prepare(): void {}

  start(request: StartRequest): Promise<DriverResult> {
    const { sid, generation } = request
    return new Promise((resolve) => {
      const answer = (ms: number, outcome: DriverResult['outcome'], detail: string) =>
        this.answer(ms, { sid, generation, action: 'start', outcome }, detail, resolve)
      this.process.do(() => {
        this.onTouch(sid, 'start')
        if (!request.mayStart()) return answer(0, 'error', 'later than the lease allows')
        if (this.guests.blind.has(this.type)) return answer(0, 'timeout', hangs)
        if (this.guests.running.has(sid) || this.guests.pending.has(sid))
          return answer(0, 'error', 'something of it is there already')
        this.pauseBefore()
        return this.process.do(() => this.begin(request, answer))
      })
    })
  }

  private begin({ sid, generation }: StartRequest, answer: Answer): void {
    const { manner, ms, hangMs } = this.behaviour.start(sid)
    if (manner === 'fail') return answer(ms, 'error', 'it did not come up')
    if (manner === 'wrong-node') return answer(ms, manner, 'it is defined elsewhere')
    if (manner === 'boast') return answer(ms, 'ok', '')
    if (manner === 'hang') {
      this.guests.startLater(sid, generation, hangMs, ms)
      return answer(hangMs / 2, 'timeout', 'it does not come up')
    }
    this.guests.start(sid, generation, ms, manner === 'crash' ? 'leftover' : 'running')
    return manner === 'ok' ? answer(ms, 'ok', '') : answer(ms, 'error', 'it fell over')
  }

  stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    const generation = this.guests.running.get(sid)?.generation ?? 0
    return new Promise((resolve) => {
      const { ms, lateMs, isWrongNode } = this.behaviour.stop(sid)
      const wasThere = this.guests.running.has(sid)
      const finish = () => {
        const isStuck = this.guests.stuck.has(sid) && this.guests.running.has(sid)
        const ended = isWrongNode && !wasThere ? 'wrong-node' : 'ok'
        const outcome = isStuck ? 'timeout' : ended
        const action = { sid, generation, action: 'stop' as const, outcome, wasThere } as const
        this.answer(isStuck ? 0 : lateMs, action, isStuck ? 'it cannot be killed' : '', resolve)
      }
      this.process.do(() => {
        this.onTouch(sid, 'stop')
        if (this.guests.blind.has(this.type)) {
          const action = { sid, generation, action: 'stop', outcome: 'timeout', wasThere } as const
          return this.answer(0, action, hangs, resolve)
        }
        this.guests.cancelPending(sid)
        this.guests.incoming.delete(sid)
        this.guests.sent.delete(sid)
        if (this.guests.outgoing.has(sid)) cancelMove(this.scheduler, this.guests, sid)
        const isAlive = this.guests.running.has(sid)
        if (!isAlive) return finish()
        return this.endIn(sid, Math.min(ms, timeoutMs + killMs), ms > timeoutMs, finish)
      })
    })
  }

  /** Called again it can only get shorter; whoever asked is told when it is over. */
  private endIn(sid: string, ms: number, isKill: boolean, finish: () => void): void {
    const byMs = this.scheduler.nowMs + ms
    const known = this.stopping.get(sid)
    const waiting = [...(known?.finish ?? []), finish]
    if (known && known.byMs <= byMs) {
      known.finish.push(finish)
      return
    }
    known?.cancel()
    const end = () => {
      this.stopping.delete(sid)
      if (!this.guests.stuck.has(sid)) this.guests.end(sid, !this.process.isAlive)
      for (const tell of waiting) tell()
    }
    // One that ends by itself needs nobody; one that is to be killed needs whoever kills.
    const scheduled = this.scheduler.at(byMs, isKill ? () => this.process.do(end) : end)
    const cancel = () => this.scheduler.cancel(scheduled)
    this.stopping.set(sid, { byMs, finish: waiting, cancel })
  }

  detach(): void {}

  /** What was incoming has come alive. */
  tellArrived(sid: string, generation: number): void {
    if (!sid.startsWith(`${this.type}:`)) return
    this.scheduler.after(2, () => this.process.do(() => this.events.arrived(sid, generation)))
  }

  /** The main process of a running service is gone: the agent hears of it soon. */
  tellExited(sid: string, generation: number): void {
    this.scheduler.after(5, () =>
      this.process.do(() => this.events.exited(sid, generation, 'ended by itself')),
    )
  }

  private later<T>(ms: number, look: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const tell = () => {
        try {
          resolve(look())
        } catch (error) {
          reject(error as Error)
        }
      }
      this.process.do(() => this.scheduler.after(ms, () => this.process.do(tell)))
    })
  }
}
