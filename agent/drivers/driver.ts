// The seam to what runs services. A driver finds its services on the host by marks it puts there, never by memory, and
// says `ok` to a stop only when nothing of the service is left and nothing of it can still begin.
import type { ServiceType } from '../../shared/names.ts'
import type { Outcome } from '../../shared/outcome.ts'
import type { NodeAnswer } from '../../shared/node-question.ts'
import type { MoveProgress } from '../../shared/live-move.ts'
import type { Found } from '../lrm/decide/lrm.ts'

export type DriverResult = { outcome: Outcome; detail: string }

export type StartRequest = {
  sid: string
  generation: number
  spec: unknown
  /** Asked in the same breath as the start itself: false, and nothing is started. */
  mayStart(): boolean
}

/** A service that may run here, whoever may have started it: by what it can be told without a mark. */
export type Asked = { sid: string; spec: unknown }

export type ReceiveRequest = {
  sid: string
  generation: number
  spec: unknown
  /** Name of the node it comes from. */
  from: string
  /** Asked in the same breath as the opening: false, and nothing is opened. */
  mayBegin(): boolean
}

/**
 * `address`: where it listens, with `ok`; whatever its own kind on the source understands. `takesUp`: nothing comes alive by
 * itself: the source sends it off, and then `takeUp` is called. `not-live`: this one cannot move while it runs.
 */
export type ReceiveResult = DriverResult & { address?: string; takesUp?: boolean }

export type TakeUpRequest = {
  sid: string
  generation: number
  spec: unknown
  /** Name of the node that has sent it off; null: nobody knows whether it was sent, and what has not arrived is an error. */
  from: string | null
  /** Asked in the same breath as the beginning: false, and nothing is begun. */
  mayBegin(): boolean
}

export type MigrateRequest = {
  sid: string
  generation: number
  /** The generation that its marks on the host bear: another one where it was adopted as it was found. */
  marked: number
  spec: unknown
  /** Name of the target, and where it listens. */
  target: string
  address: string
  /** Asked in the same breath as the beginning: false, and nothing is begun. */
  mayBegin(): boolean
  /** After so long the driver aborts the move by itself. */
  timeoutMs: number
  onProgress(progress: MoveProgress): void
}

/**
 * What became of the source's half, as verified on the host. `ok`: it runs at the target, and nothing is left here.
 * Otherwise `left` counts. `running`: the job has ended for good, and it runs here as before. `nothing`: it is gone from
 * here, arrived or not. `sent`: it was sent off, for the target to take up; what is left of it here is kept for that, never
 * comes alive again, and is ended by `cancel`. `unknown`: any doubt, such as a client that gave up while its job may go on.
 */
export type MigrateResult = DriverResult & { left: 'running' | 'nothing' | 'sent' | 'unknown' }

/** Counters of one running service, as far as the host keeps them. */
export type ServiceReading = {
  sid: string
  generation: number
  /** CPU time it has used since it began. */
  cpuMs: number
  /** Memory it holds now. */
  memoryBytes: number
}

export interface Driver {
  readonly type: ServiceType
  /**
   * Everything of this node's services on the host; a service whose main process is gone is `unknown`. `migrating` as
   * long as a job that moves it away may be alive, whoever began it; `incoming` until it has come alive here.
   * Throws where it cannot tell, or a start gate is not in place.
   * @param asked of this kind, where the plane does not know whether it runs: what runs here without a mark is marked as
   * generation 0, and found from then on
   * @param known of this kind, all that the cluster has: their start gates are in place afterwards, as far as the operating
   * system has any; what was there before its gate is marked as generation 0, and found from then on
   * @param held services whose grant is confirmed here: by others' definitions of these nothing may be started any more
   */
  survey(
    asked?: readonly Asked[],
    known?: readonly Asked[],
    held?: readonly string[],
  ): Promise<Found[]>
  /** It may be started soon. Starts nothing, and never fails. */
  prepare(sid: string, generation: number): void
  /** Resolves when the service runs, or did not come to run. Ends of running services are told by `exited`. */
  start(request: StartRequest): Promise<DriverResult>
  /**
   * Asks it to end, kills what is left at the timeout, and verifies. Called again, it can only get shorter. Of a service
   * that is being moved away or in, the job is ended first: nothing of it can still arrive, or leave, afterwards.
   */
  stop(sid: string, timeoutMs: number): Promise<DriverResult>
  /**
   * What somebody has made on this host under that name and is to become service `sid`. Changes nothing; throws where it
   * cannot tell. Absent: of this kind nothing is to be known that the plane does not have.
   */
  describe?(sid: string, name: string): Promise<NodeAnswer>
  /** What the running services use, told apart by generation; for scheduling only. Must be cheap, and yield. */
  measure?(): Promise<ServiceReading[]>
  /** Leaves services running and watches them no more. */
  detach(): void

  // Live moves: the first three, or none of them.
  /**
   * Opens the target's half, paused and inactive, and resolves when it listens. Its coming alive is told by `arrived`, its
   * end by `exited`. Called again for the same generation it attaches to the half that is there. Nothing else opens one:
   * what comes in without it is refused.
   */
  receive?(request: ReceiveRequest): Promise<ReceiveResult>
  /** Moves it to where the target listens; resolves when that has ended, one way or another. */
  migrate?(request: MigrateRequest): Promise<MigrateResult>
  /**
   * Ends a move away for good, also one begun by an earlier process, and says what is true, as `migrate` does. Of what was
   * sent off, by whatever process of this boot, it ends what is left here, and says `nothing`: with `ok`, for that is as it should be.
   */
  cancel?(sid: string): Promise<MigrateResult>
  /**
   * The second step of moves that have two: lets what was sent off come alive in the half that was opened for it, and
   * resolves when it runs here. What fails leaves something to be stopped.
   */
  takeUp?(request: TakeUpRequest): Promise<DriverResult>
}

export type DriverEvents = {
  /** The main process of a service that was running is gone, or a half that was incoming. */
  exited(sid: string, generation: number, detail: string): void
  /** What was incoming has come alive here. */
  arrived(sid: string, generation: number): void
}
