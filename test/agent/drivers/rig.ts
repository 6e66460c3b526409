// What a kind of service brings to the driver contract.
import type { Driver, DriverEvents } from '../../../agent/drivers/driver.ts'

/** One service of the kind, on a host of its own for each test. */
export type DriverRig = {
  sid: string
  specs: {
    /** Runs until it is stopped, and ends soon when asked. */
    runs: unknown
    /** Does not come to run. */
    fails: unknown
    /** Refused before anything is done. */
    invalid: unknown
    /** Runs, and does not end when asked; null: this kind has no such thing. */
    deaf: unknown
  }
  /** A driver as an agent's process makes it: each further one is that of a later process of the same boot. */
  createDriver(events: DriverEvents): Driver
  /** A driver of another node, or another cluster, that shares this host; null: this kind cannot tell. */
  createForeign: ((events: DriverEvents) => Driver) | null
  /** Ends the service as a crash would, from outside. */
  crash(): Promise<void>
  /** Whether anything of the service lives on the host, asked without the driver. */
  isAlive(): Promise<boolean>
  /**
   * Starts the service as someone else would: an administrator, a boot, a trigger. Resolves when that has been carried out,
   * or refused. null: nobody but the agent knows how.
   */
  startByOthers: (() => Promise<void>) | null
  /** A crash is told within so long: what the platform tells at once, a second; else the monitor interval, and some. */
  noticesWithinMs: number
  /** What a start or a stop may take here. */
  patienceMs: number
  /** Leaves nothing of it behind on the host. */
  end(): Promise<void>
}
