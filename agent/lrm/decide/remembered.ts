// What an agent leaves to the next process, as plain data: its journal, and the note of its last lease.
import type { ServiceType } from '../../../shared/names.ts'
import type { HeldLease, PlaneEpoch } from '../../../shared/lease.ts'
import type { WatchdogClass } from '../../../shared/node.ts'
import type { OrderResult } from '../../../shared/protocol.ts'
import type { Timing } from '../../../shared/timing.ts'
import type { JournaledDrill } from './drill-state.ts'
import type { LrmSettings, Sid } from './lrm.ts'

/** What survives this process. Of another boot only epoch, plane epoch, closed generations, timing and settings count. */
export type Journal = {
  bootId: string
  epoch: {
    number: number
    /** No request with a higher number was ever sent. */
    seqReserved: number
    /** Plane epoch under which it was joined: orders of a later history may not know what runs here. */
    planeNumber: number
    /** As the plane was told of it with this epoch; absent: by an older agent, which did not write it down. */
    watchdog?: WatchdogClass
    /** The same of its drivers. */
    drivers?: ServiceType[]
    /** `unknown`: the plane lost it; what runs, runs on under the lease that is left. */
    state: 'open' | 'fenced' | 'over' | 'released' | 'unknown'
  } | null
  planeEpoch: PlaneEpoch | null
  timing: Timing | null
  /** As they were last heard of, for a process that comes back while the plane is not to be reached. */
  settings?: LrmSettings
  /**
   * Since a release nothing has counted down in this boot, and no plane was told that anything did: a process that comes later, under
   * whatever epoch, is not proved dead by any deadline. Gone from the disk before anything is armed, or said to be.
   */
  unarmed?: true
  /** The device was never set to a longer W than this in this boot; a mere opening may feed it for so long. */
  armedMs?: number
  /** Generations that may have been started in this boot. */
  started: Record<Sid, number>
  /**
   * What was found here and bears no number of a grant that is not ended (0: started by somebody else), until its driver finds it gone.
   */
  met?: Record<Sid, number>
  /**
   * Kinds that nobody has looked for since a process of this boot found no journal: anything of them may run here. Absent: none.
   */
  unlooked?: ServiceType[]
  /** Ended for good on this node: a generation up to this one is never started again. */
  closed: Record<Sid, number>
  answers: Record<string, OrderResult>
  /** What runs here under another generation than its marks on the host bear, because it was adopted so. */
  adopted?: Record<Sid, { foundAs: number; generation: number }>
  /** Restart orders whose stop is done. */
  restarted: Record<string, true>
  /** Live moves away that were begun under an order; until all is over, nothing of that generation is started here. */
  moving: Record<Sid, JournaledMove>
  drill?: JournaledDrill
}

/** `isOver`: the job has ended for good and it runs here; the other half may still have to be ended. */
export type JournaledMove = { generation: number; uid: string; isOver: boolean }

/** The last good lease, kept beside the journal and only as good as its boot. */
export type LeaseNote = { bootId: string; lease: HeldLease }
