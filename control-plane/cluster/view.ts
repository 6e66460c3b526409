// The state of one cluster as plain data: JSON in, JSON out. What a round reads is this, and nothing else.
// Nodes are named, not numbered: within a cluster a living node's name is unique. All times are milliseconds
// of the database's clock. Must never hold a function, a Date or a secret.
import type { PlaneEpoch } from '../../shared/lease.ts'
import type { ServiceType } from '../../shared/names.ts'
import type { AgentMode, Capacity, LrmState, NodeState, WatchdogInfo } from '../../shared/node.ts'
import type { NodeHealth } from '../../shared/node-health.ts'
import type { Rule } from '../../shared/rule.ts'
import type { Figures } from '../../shared/scheduling.ts'
import type { FenceDeviceView, FenceOrderView } from './fence-view.ts'
import type { ChallengeView, EpochRequestView, ReportView } from './node-words.ts'
import type { RequestedState, ServiceState } from '../../shared/service.ts'
import type { Settings } from '../../shared/settings.ts'
import type { ClusterCommandView, CommandView } from './command-view.ts'

export * from './command-view.ts'

export type Sid = string
export type NodeName = string

export type ClusterView = {
  cluster: { id: number; uuid: string; name: string; development: boolean }
  /** Number of the round that reads this view; already bumped. */
  round: number
  nowMs: number
  planeEpoch: PlaneEpoch & {
    /** null: no quarantine. Otherwise nothing is started before this and before the roster has attested (rule 9). */
    quarantineUntilMs: number | null
  }
  settings: Settings
  /** Under `majority`: the verdict of the last round. Renewals are granted only while it is true. */
  quorate: boolean
  /** Since when nodes renew again after an outage of them all; null: no outage is remembered. */
  quietSinceMs: number | null
  /** When the round before this one ran; null or absent: not known. A long gap means that the plane itself was away. */
  lastRoundMs?: number | null
  nextGeneration: number
  /** null: armed. Otherwise the cluster is being disarmed or is disarmed, at an operator's command. */
  disarm: DisarmView | null
  /** Since when the load has been less balanced than the settings allow; null: it is not. */
  imbalancedSinceMs: number | null
  nodes: Record<NodeName, NodeView>
  groups: Record<string, GroupView>
  /** In their order, disabled ones too; groups are not among them. */
  rules: Rule[]
  services: Record<Sid, ServiceView>
  /** Commands about one service that are not finished, oldest first. */
  commands: CommandView[]
  /** The same about a node or the whole cluster. */
  clusterCommands: ClusterCommandView[]
}

/** `freeze`: services are left as they are. `ignore`: as if nothing were managed; anybody may move them by hand. */
export type DisarmView = {
  mode: 'freeze' | 'ignore'
  state: 'disarming' | 'disarmed'
  sinceMs: number
  /** Since when services are left as they are; null: some are still in fence, recovery or a move, and end that first. */
  effectiveMs: number | null
}

export type NodeView = {
  uid: string
  name: NodeName
  drivers: ServiceType[]
  capacity: Capacity
  watchdog: WatchdogInfo
  virtual: boolean
  maintenanceRequested: boolean
  state: NodeState
  sinceMs: number
  note: string
  lease: LeaseView
  /** Revoked epochs that still have open holders. */
  revocations: RevocationView[]
  report: ReportView | null
  epochRequest: EpochRequestView | null
  challenge: ChallengeView | null
  /** What it uses in all, as last measured by its agent; null or absent: not known. */
  usage?: Figures | null
  /** When that was reported; absent: not known. */
  usageMs?: number | null
  /** In the order in which operators listed them; absent: it has none. */
  fenceDevices?: FenceDeviceView[]
  /** The last order to switch it off; null or absent: there was none. */
  fenceOrder?: FenceOrderView | null
  /** What its agent tells of its machine; null or absent: nothing yet, or it is too old for that. */
  health?: NodeHealth | null
  /** When that was said; absent: not known. */
  healthMs?: number | null
  /** The last end of it that was told of. */
  toldEnd?: string
}

export type LeaseView = {
  epoch: number
  /** null: no boot may renew. */
  bootId: string | null
  leaseUntilMs: number
  /** As far as both clocks can say (rule 9): never before leaseUntilMs. */
  judgedUntilMs: number
  renewedMs: number | null
  reportedMs: number | null
  armed: boolean
  guarded: boolean | null
  releasedMs: number | null
  /** Revision of the desired state that the last renewal said it obeys. */
  revision: number
  attestedPlaneEpoch: number
  /** A person vouched for its death in this round, and it had no lease since: as if it had answered that it runs nothing. */
  vouchedRound: number | null
  lrmState: LrmState
  mode: AgentMode
}

export type RevocationView = {
  epoch: number
  bootId: string | null
  leaseUntilMs: number
  judgedUntilMs: number
  guarded: boolean | null
  /** Its boot was heard after the deadline: the watchdog did not fire, and proves nothing. */
  refuted?: boolean
  revokedMs: number
}

export type GroupView = {
  name: string
  nodes: Record<NodeName, number>
  restricted: boolean
  nofailback: boolean
}

/** `config` null: removed, but a grant is still open. `status` null: the CRM has not seen it yet. */
export type ServiceView = {
  sid: Sid
  config: ServiceConfig | null
  status: ServiceStatus | null
  /** The open grant, if any. */
  grant: GrantView | null
  /** Whether any grant was ever opened for this id: if not, the first one needs attestations (rule 7). */
  everGranted: boolean
  /** Highest generation ever granted to this id here; null or absent: none. A higher one comes from a lost history. */
  lastGeneration?: number | null
  /** What it uses, as last measured where it runs; null or absent: not known. */
  usage?: Figures | null
}

export type ServiceConfig = {
  requested: RequestedState
  spec: unknown
  group: string | null
  maxRestart: number
  maxRelocate: number
  stopTimeoutMs: number | null
  /** Returns to a node of a higher priority when one is available again. */
  failback: boolean
  /** Automatic rebalancing may move it. */
  autoRebalance: boolean
  /** What it is configured with, for static scheduling; null: the defaults of its kind. */
  figures: Figures | null
  /** Where it is when the CRM first sees it: its disk or definition may be there. null: anywhere. */
  node: NodeName | null
  /**
   * Taken over from this node, which may run it, whoever has started it there: nothing of it is started before that node
   * has said where it stands, or a person vouched for its death. null or absent: of nobody.
   */
  adoptedFrom?: NodeName | null
  /** The highest generation ever granted to this id when that was said: a later grant ends it. null or absent: none. */
  adoptedAfter?: number | null
  version: number
}

export type GrantView = {
  /** Number of its holder; of two, of the older. */
  generation: number
  /** Open holders only: one, or two while a live move is under way or not yet cleared up; the older first. */
  holders: HolderView[]
}

export type HolderView = {
  node: NodeName
  epoch: number
  confirmed: boolean
  /** Of the second holder: the number its half bears, so that what one move ended is never taken for the next (S15). */
  generation?: number
}

export type ServiceStatus = {
  state: ServiceState
  /** Where it is, or was last. null: its node is gone for good and nothing of it is left. */
  node: NodeName | null
  sinceMs: number
  /** Token of the order in force; results name it. */
  uid: string
  target: NodeName | null
  /** The agent reported it running under this generation. */
  running: boolean
  /** Where starts failed since the last success (D2); may repeat a node. */
  failedNodes: NodeName[]
  /** A command being carried out or waiting for its turn, by its row. */
  command: string | null
  /** Of the stop in force, where the operator gave one. */
  stopTimeoutMs: number | null
  /** In `started`: this order stops and starts again once. */
  restart: boolean
  /** Where it ran before its node was put into maintenance, and returns to. */
  fallbackNode: NodeName | null
  /** Moves demanded by placement that failed in a row, and when the next may be tried (D7). */
  moveFailures: number
  retryAtMs: number | null
  /** When a running move counts as failed; a live one is then cancelled. */
  deadlineMs: number | null
  /** In `migrate`: the source was told to end it; what became of it is for the source to say. */
  moveCancelled: boolean
  /**
   * Before a first grant, and after a time in which anybody may have run it anywhere: the round whose desired state asks
   * the nodes whether it runs there; null: nothing is asked.
   */
  probeRound: number | null
  /** Every node of the roster must have answered that or be proved dead (D8); else only those that renew. */
  probesRoster?: boolean
  /** The generation that the running copy bears where it was adopted under another; null or absent: its own. */
  foundAs?: number | null
  /** D1: in `stopped` only because no member of its restricted group is available. */
  groupUnavailable: boolean
  note: string
}
