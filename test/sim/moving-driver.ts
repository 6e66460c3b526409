// What the driver of a simulated machine is made from, and its halves of live moves: the host's jobs (live-moves.ts) as an
// agent's process sees them.
import type {
  DriverEvents,
  DriverResult,
  MigrateRequest,
  MigrateResult,
  ReceiveRequest,
  ReceiveResult,
  TakeUpRequest,
} from '../../agent/drivers/driver.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { Behaviour, DriverAction } from './driver-parts.ts'
import type { Guests } from './guests.ts'
import { beginMove, cancelMove, takeUp } from './live-moves.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

export type DriverParts = {
  type: ServiceType
  guests: Guests
  process: Process
  behaviour: Behaviour
  events: DriverEvents
  onAction: (action: DriverAction) => void
  onTouch: (sid: string, what: DriverAction['action']) => void
  /** May let the process stand still between the last check and what follows it. */
  pauseBefore: () => void
  node: string
  hostOf: (node: string) => Guests | undefined
}

export class MovingDriver {
  readonly type: ServiceType
  protected readonly scheduler: Scheduler
  protected readonly guests: Guests
  protected readonly process: Process
  protected readonly behaviour: Behaviour
  protected readonly events: DriverEvents
  protected readonly onAction: (action: DriverAction) => void
  protected readonly pauseBefore: () => void
  protected readonly onTouch: (sid: string, what: DriverAction['action']) => void
  protected readonly node: string
  protected readonly hostOf: (node: string) => Guests | undefined

  constructor(parts: DriverParts) {
    this.type = parts.type
    this.scheduler = parts.process.scheduler
    this.guests = parts.guests
    this.process = parts.process
    this.behaviour = parts.behaviour
    this.events = parts.events
    this.onAction = parts.onAction
    this.onTouch = parts.onTouch
    this.pauseBefore = parts.pauseBefore
    this.node = parts.node
    this.hostOf = parts.hostOf
  }

  /** As resource agents do it. */
  private get isTwoSteps(): boolean {
    return this.type === 'ocf'
  }

  receive(request: ReceiveRequest): Promise<ReceiveResult> {
    const { sid, generation } = request
    const address = `${this.node} ${generation}`
    const takesUp = this.isTwoSteps
    return new Promise((resolve) => {
      this.process.do(() => {
        const answer = (outcome: DriverResult['outcome'], detail: string) =>
          this.answer(5, { sid, generation, action: 'receive', outcome }, detail, (result) =>
            resolve(result.outcome === 'ok' ? { ...result, address, takesUp } : result),
          )
        if (!request.mayBegin()) return answer('error', 'later than the lease allows')
        if (this.guests.running.has(sid) || this.guests.pending.has(sid))
          return answer('error', 'something of it is there already')
        this.guests.incoming.set(sid, { sid, generation, address })
        return answer('ok', '')
      })
    })
  }

  takeUp(request: TakeUpRequest): Promise<DriverResult> {
    const { sid, generation, from } = request
    return new Promise((resolve) => {
      this.process.do(() => {
        const answer = (ms: number, outcome: DriverResult['outcome'], detail: string) =>
          this.answer(ms, { sid, generation, action: 'receive', outcome }, detail, resolve)
        this.onTouch(sid, 'receive')
        if (from === null) return answer(5, 'error', 'it has not arrived')
        if (!request.mayBegin()) return answer(0, 'error', 'later than the lease allows')
        this.pauseBefore()
        return this.process.do(() => {
          const { manner, ms } = this.behaviour.start(sid)
          if (manner === 'fail') return answer(ms, 'error', 'it could not be taken up')
          const half = { sid, generation }
          takeUp(this.scheduler, this.guests, half, ms, (hasArrived) =>
            hasArrived ? answer(0, 'ok', '') : answer(0, 'error', 'its half is not open'),
          )
        })
      })
    })
  }

  migrate(request: MigrateRequest): Promise<MigrateResult> {
    const { sid, generation, marked, target, address } = request
    return new Promise((resolve) => {
      this.process.do(() => {
        let isOver = false
        const settle = (result: MigrateResult) => {
          if (isOver) return
          isOver = true
          this.scheduler.after(1, () =>
            this.process.do(() => {
              const { outcome } = result
              this.onAction({ sid, generation, action: 'migrate', outcome, target })
              resolve(result)
            }),
          )
        }
        this.onTouch(sid, 'migrate')
        if (!request.mayBegin())
          return settle({
            outcome: 'error',
            detail: 'later than the lease allows',
            left: 'running',
          })
        const drawn = this.behaviour.migrate(sid)
        const isLate = drawn.manner === 'late' || drawn.ms > request.timeoutMs
        const job = {
          ...{ sid, generation: marked, address, lateMs: drawn.lateMs },
          isTwoSteps: this.isTwoSteps,
          manner: isLate ? ('late' as const) : drawn.manner,
          ms: Math.min(drawn.ms, request.timeoutMs),
        }
        return beginMove(this.scheduler, this.guests, () => this.hostOf(target), job, settle)
      })
    })
  }

  cancel(sid: string): Promise<MigrateResult> {
    return new Promise((resolve) => {
      this.process.do(() =>
        this.scheduler.after(20, () =>
          this.process.do(() => resolve(cancelMove(this.scheduler, this.guests, sid))),
        ),
      )
    })
  }

  protected answer(
    ms: number,
    action: DriverAction,
    detail: string,
    resolve: (result: DriverResult) => void,
  ): void {
    this.scheduler.after(ms, () =>
      this.process.do(() => {
        this.onAction(action)
        resolve({ outcome: action.outcome, detail })
      }),
    )
  }
}
