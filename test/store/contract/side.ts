// What the contract asks of a store: the seams of agents, leases and rounds, and what operators write.
import type { FenceDeviceView } from '../../../control-plane/cluster/fence-view.ts'
import type { FenceStore } from '../../../control-plane/fence/fence-store.ts'
import type { OperatorStore } from '../../../control-plane/http/operator-store.ts'
import type { AuditRow } from '../../../control-plane/http/records/audit.ts'
import { ClockWitness } from '../../../control-plane/lease/clock-witness.ts'
import type { LeaseLane } from '../../../control-plane/lease/lease-lane.ts'
import type { ClusterView, CommandView, GroupView } from '../../../control-plane/cluster/view.ts'
import type { AgentStore } from '../../../control-plane/store/agent-store.ts'
import type { StoredActor } from '../../../control-plane/store/memory/operator-columns.ts'
import type { UsageRow } from '../../../control-plane/store/node-usage.ts'
import type { RoundStore } from '../../../control-plane/store/round-store.ts'
import type { ServiceCreate } from '../../../shared/operator-api.ts'
import type { Rule } from '../../../shared/rule.ts'
import type { RequestedState } from '../../../shared/service.ts'
import type { Settings } from '../../../shared/settings.ts'
import type { Clock } from '../../../shared/clock.ts'
import { Chance } from '../../sim/random.ts'

/** Where every clock of the contract begins. */
export const beganMs = 1_750_000_000_000

/** One clock for everybody: it moves when a step says so. */
export class SharedClock implements Clock {
  nowMs = beganMs
  bootMs = () => this.nowMs - beganMs
  wallMs = () => this.nowMs
  quickMs = () => this.nowMs - beganMs
}

export type Wishes = {
  addService(wish: ServiceCreate): Promise<void>
  setRequested(sid: string, requested: RequestedState): Promise<void>
  deleteService(sid: string): Promise<void>
  addCommand(command: CommandView): Promise<void>
  setMaintenance(nodeUid: string, isOn: boolean): Promise<void>
  removeNode(nodeUid: string, name: string): Promise<void>
  /** What was closed, or the code of the refusal. */
  confirmDead(node: string, force: boolean): Promise<unknown>
  addGroup(group: GroupView): Promise<void>
  deleteGroup(name: string): Promise<void>
  addRule(rule: Rule): Promise<void>
  deleteRule(id: string): Promise<void>
  settings(settings: Settings): Promise<void>
  usage(rows: UsageRow[]): Promise<void>
  fenceDevice(nodeUid: string, device: FenceDeviceView): Promise<void>
  deleteFenceDevice(nodeUid: string, name: string): Promise<void>
  joinToken(secret: string, uses: number, node: string | null): Promise<void>
  /** As if the plane epoch knew another server. */
  otherServer(which: 'restarted' | 'promoted' | 'replaced'): Promise<void>
}

export type Side = {
  agents: AgentStore
  lane: LeaseLane
  rounds: RoundStore
  fences: FenceStore
  wishes: Wishes
  operators: OperatorStore
  /** Lets its holder ask the routes. */
  operatorToken(token: Omit<StoredActor, 'expiresMs'>): Promise<void>
  /** The audit log of the cluster, oldest first. */
  audit(): Promise<AuditRow[]>
  witness: ClockWitness
  /** The same numbers on both sides. */
  random: Chance
  clusterId: number
  clusterUuid: string
  view(): Promise<ClusterView>
  /** The view, and what a round reads beside it. */
  all(): Promise<unknown>
  close(): Promise<void>
}
