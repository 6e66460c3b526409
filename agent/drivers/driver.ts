// The seam to what runs services. A driver finds its services on the host by marks it puts there, never by memory, and
// says `ok` to a stop only when nothing of the service is left and nothing of it can still begin.
import type { ServiceType } from '../../shared/names.ts'
import type { Outcome } from '../../shared/outcome.ts'
import type { Found } from '../lrm/decide/lrm.ts'

export type DriverResult = { outcome: Outcome; detail: string }

export type StartRequest = {
  sid: string
  generation: number
  spec: unknown
  /** Asked in the same breath as the start itself: false, and nothing is started. */
  mayStart(): boolean
}

export interface Driver {
  readonly type: ServiceType
  /** Everything of this node's services on the host; a service whose main process is gone is `unknown`. */
  survey(): Promise<Found[]>
  /** It may be started soon. Starts nothing, and never fails. */
  prepare(sid: string, generation: number): void
  /** Resolves when the service runs, or did not come to run. Ends of running services are told by `exited`. */
  start(request: StartRequest): Promise<DriverResult>
  /** Asks it to end, kills what is left at the timeout, and verifies. Called again, it can only get shorter. */
  stop(sid: string, timeoutMs: number): Promise<DriverResult>
  /** Leaves services running and watches them no more. */
  detach(): void
}

export type DriverEvents = {
  /** The main process of a service that was running is gone. */
  exited(sid: string, generation: number, detail: string): void
}
