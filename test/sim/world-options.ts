// What a world is made from, and what its observers are told.
import type { Change } from '../../control-plane/cluster/change.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { Settings } from '../../shared/settings.ts'
import type { DriverAction } from './driver-parts.ts'
import type { DeviceName } from './watchdog.ts'

export type NodeSpec = {
  name: string
  device?: DeviceName
  virtual?: boolean
  /** An RTC of its hypervisor, by which it sees that it was frozen; default: as `virtual` says. */
  hasRtc?: boolean
  drivers?: ServiceType[]
  cpus?: number
  memoryBytes?: number
  /** How many fence devices it has, one a feed; default: none. */
  fenceDevices?: number
  /** From power to agent; default 2 s. */
  bootMs?: number
  /** Rate of its clock; default: drawn within ±0.9 %. */
  rate?: number
  /** Default: powered on at the beginning. */
  isOn?: boolean
}

export type WorldOptions = {
  seed?: string
  nodes: (string | NodeSpec)[]
  settings?: Parameters<typeof Settings.parse>[0]
  development?: boolean
  replicas?: number
  /** Agents know of start gates; default: they are of an older version, which does. */
  readsGates?: boolean
  /** Keeps every line of the trace, not only its hash. */
  keepTrace?: boolean
}

export type CommittedChange = { atMs: number; round: number; change: Change }
export type AgentAction = DriverAction & { atMs: number; node: string }
