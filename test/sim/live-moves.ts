// Live moves between simulated machines, as a hypervisor's daemons do them: the target opens a half and listens, the
// source's job carries the guest over and switches at the end. Jobs are the host's: they outlive the agent that began
// them, and end with either machine. Exactly one half is active at any moment, whatever is known of it. Resource agents do
// it in two steps: the source's job sends the guest off, and then the target takes it up.
import type { MigrateResult } from '../../agent/drivers/driver.ts'
import type { Guests } from './guests.ts'
import type { Scheduled, Scheduler } from './scheduler.ts'

/** A half that waits, paused, for a guest to arrive. */
export type Incoming = { sid: string; generation: number; address: string }

/** A job that moves a guest away. */
export type Outgoing = {
  sid: string
  generation: number
  isTwoSteps: boolean
  scheduled: Scheduled
  settle(result: MigrateResult): void
}

/** `late`: the client gives up, and the job goes on. `refused`: nothing was begun, as for a locked guest. */
export type MoveManner = 'ok' | 'fail' | 'late' | 'refused'

export type MoveJob = {
  sid: string
  generation: number
  address: string
  manner: MoveManner
  ms: number
  isTwoSteps: boolean
  /** How long after `ms` a late job is over. */
  lateMs: number
}

const running: MigrateResult = { outcome: 'error', detail: 'the move failed', left: 'running' }
const moved: MigrateResult = { outcome: 'ok', detail: '', left: 'nothing' }

/** Begins a job at `source`; it settles once, however it ends. */
export function beginMove(
  scheduler: Scheduler,
  source: Guests,
  targetAt: (address: string) => Guests | undefined,
  job: MoveJob,
  settle: (result: MigrateResult) => void,
): void {
  const { sid, generation, address, manner, ms, lateMs, isTwoSteps } = job
  if (manner === 'refused') return settle({ ...running, detail: 'it is locked' })
  const isLate = manner === 'late'
  const end = () => {
    source.outgoing.delete(sid)
    const target = targetAt(address)
    const half = target?.incoming.get(sid)
    const guest = source.running.get(sid)
    if (isTwoSteps) return settle(sendOff(source, sid, generation, manner))
    const fits = half?.address === address && guest?.generation === generation
    if (manner === 'fail' || !target || !fits || guest.state !== 'running') return settle(running)
    source.end(sid)
    target.arrive(sid)
    settle(moved)
  }
  const scheduled = scheduler.after(isLate ? ms + lateMs : ms, end)
  source.outgoing.set(sid, { sid, generation, isTwoSteps, scheduled, settle })
  if (isLate)
    scheduler.after(ms, () =>
      settle({ outcome: 'timeout', detail: 'the client gave up', left: 'unknown' }),
    )
}

function sendOff(
  source: Guests,
  sid: string,
  generation: number,
  manner: MoveManner,
): MigrateResult {
  const guest = source.running.get(sid)
  if (guest === undefined) return { ...running, left: 'nothing' }
  const isHere = guest.generation === generation && guest.state === 'running'
  if (manner === 'fail' || !isHere) return running
  source.end(sid)
  source.sent.set(sid, generation)
  return { outcome: 'ok', detail: '', left: 'sent' }
}

/** Lets what was sent off come alive in the half that is open for it, if that is still there by then. */
export function takeUp(
  scheduler: Scheduler,
  target: Guests,
  half: Pick<Incoming, 'sid' | 'generation'>,
  ms: number,
  settle: (hasArrived: boolean) => void,
): void {
  const isOpen = () => target.incoming.get(half.sid)?.generation === half.generation
  scheduler.after(ms, () => {
    const hasArrived = isOpen()
    if (hasArrived) target.arrive(half.sid)
    settle(hasArrived)
  })
}

/**
 * Ends a job for good, if there is one, and says what is true now. A resource agent that was cut short has not said how far
 * it had come: with its job the guest is ended.
 */
export function cancelMove(scheduler: Scheduler, source: Guests, sid: string): MigrateResult {
  const outgoing = source.outgoing.get(sid)
  if (outgoing) {
    scheduler.cancel(outgoing.scheduled)
    source.outgoing.delete(sid)
    if (outgoing.isTwoSteps) source.end(sid)
    const left = outgoing.isTwoSteps ? 'nothing' : 'running'
    outgoing.settle({ ...running, detail: 'cancelled', left })
  }
  if (source.sent.delete(sid)) return moved
  const isHere = source.running.get(sid)?.state === 'running'
  if (isHere) return { ...running, detail: 'cancelled' }
  return { outcome: 'error', detail: 'it is not here', left: 'nothing' }
}
