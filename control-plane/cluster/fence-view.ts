// The fence devices of a node, and what became of the CRM's order to switch it off, as parts of a ClusterView. What
// devices say are facts from outside: readings, judged in fence-proof.ts. Data only; must never hold a secret.
import type { MachineIdentity } from '../../shared/machine-identity.ts'

/** What a fence device says of a machine's power. Only `off` is off: a paused or saved machine can go on. */
export type PowerState = 'on' | 'off' | 'paused' | 'changing' | 'unknown'

/** One that operators set up. All of a node's feeds are listed, and all of them must be off. */
export type FenceDeviceView = {
  name: string
  kind: string
  /** Drawn anew whenever it is set up: a reading is about the device as it was set up then. */
  uid: string
  /** Which machine it must speak of. */
  expects: MachineIdentity
  /** What it said last while the node renewed; null or absent: it was not asked yet. For people: nothing is decided by it. */
  checked?: DeviceCheckView | null
}

export type DeviceCheckView = {
  bootId: string
  /** null: it did not answer. */
  state: PowerState | null
  isExpected: boolean
  fault: string
  atMs: number
}

/** The CRM's order to switch a node off, for the sake of one revoked epoch. */
export type FenceOrderView = {
  epoch: number
  /** The how manieth try; each is an order of its own. */
  attempt: number
  /** Unique for ever: what is reported about any other order proves nothing. */
  uid: string
  orderedMs: number
  /** null: nothing is reported yet. */
  report: FenceReportView | null
}

/** What the devices said while one order was carried out. */
export type FenceReportView = {
  /**
   * By the database's clock: where the outcome is `off` when they were read for the last time, or a little before, and not when
   * that was written down.
   */
  atMs: number
  /** What the job that drove them made of it: `off` is necessary for a proof, and not enough. */
  outcome: 'off' | 'failed'
  devices: FencedDeviceView[]
}

/** Times are milliseconds of one process's clock that never steps: they tell what came before what, in this report only. */
export type FencedDeviceView = {
  name: string
  uid: string
  /**
   * What it said before the command; null: it was not asked. `on` also where it says off, and had said on earlier in the life
   * of the boot that is to be proved dead.
   */
  before: PowerState | null
  /** When it had accepted the command to cut the power, or its answer was waited for no longer; null: it refused, or was not told. */
  commandedMs: number | null
  /** After the command, oldest first. */
  readings: PowerReading[]
  /** What went wrong with it, as a sentence without secrets; '': nothing. */
  fault: string
}

export type PowerReading = {
  state: PowerState
  identity: MachineIdentity
  askedMs: number
  answeredMs: number
  /** For people: when that was, by the wall clock there. */
  at: string
}
