// Operators' commands as a view carries them: those that are not finished. Plain data, as everything in a view.
import type { DisarmView, NodeName, Sid } from './view.ts'

export const commandKinds = [
  'enable',
  'disable',
  'start',
  'stop',
  'restart',
  'migrate',
  'relocate',
  'remove',
] as const
export type CommandKind = (typeof commandKinds)[number]
export type CommandStatus = 'pending' | 'running' | 'done' | 'failed' | 'refused'

export const clusterCommandKinds = [
  'disarm',
  'arm',
  'maintenance-on',
  'maintenance-off',
  'drill',
] as const
export type ClusterCommandKind = (typeof clusterCommandKinds)[number]

export type ClusterCommandView = {
  uid: string
  kind: ClusterCommandKind
  /** Of a maintenance or a drill. */
  node: NodeName | null
  /** Of a disarm. */
  mode: DisarmView['mode'] | null
  /** When it was asked for; absent: not known. */
  createdMs?: number
  status: CommandStatus
  reason: string
}

export type CommandView = {
  uid: string
  kind: CommandKind
  sid: Sid
  /** Target of a move. */
  node: NodeName | null
  /** Of a stop, in milliseconds; 0: at once. */
  stopTimeoutMs: number | null
  status: CommandStatus
  reason: string
}
