// What the memory store keeps of one cluster: the parts of a ClusterView, and beside them the few columns that only the
// store knows. Plain data, replaced and never changed, so that an old state is a snapshot for free.
import type { EpochRequest } from '../../../shared/protocol.ts'
import type { NodeHealth } from '../../../shared/node-health.ts'
import type { Figures } from '../../../shared/scheduling.ts'
import type { Settings } from '../../../shared/settings.ts'
import type { EvidenceKind } from '../../cluster/change.ts'
import type { FencedDeviceView } from '../../cluster/fence-view.ts'
import type {
  ClusterView,
  ClusterCommandView,
  CommandView,
  NodeView,
  RevocationView,
  ServiceView,
} from '../../cluster/view.ts'
import { noColumns, type OperatorColumns } from './operator-columns.ts'

/** Which history of which server this is (`server_identity()`). */
export type ServerIdentity = { systemId: string; timeline: string; postmasterStart: string }

export type StoredRevocation = Omit<RevocationView, 'judgedUntilMs'> & {
  renewedMs: number | null
  refuted: boolean
}

export type NodeFacts = Pick<
  EpochRequest,
  'drivers' | 'capacity' | 'watchdog' | 'virtual' | 'agentVersion'
>

export type StoredNode = {
  /** `judgedUntilMs` is `leaseUntilMs` here, and `revision` and `revocations` are made when it is read. */
  view: NodeView
  hardwareId: string
  credentialHash: string
  isRemoved: boolean
  /** The CRM has written a state for it. */
  hasStatus: boolean
  seq: number
  reportDigest: string
  reportRevision: number | null
  openedSentMs: number | null
  openedNonce: string | null
  /** Of the epoch request in the view: what else it says. */
  request: { sentMs: number; hardwareId: string; facts: NodeFacts } | null
  revocations: StoredRevocation[]
  desired: StoredDocument | null
  usage: StoredUsage | null
  health: { atMs: number; health: NodeHealth } | null
  /** What became of orders to its fence devices; absent: there were none. */
  fenceReports?: StoredFenceReport[]
  /** What proved it dead as a whole; absent: nothing did. */
  deaths?: StoredDeath[]
}

/** Evidence about all that an epoch held. */
export type StoredDeath = { epoch: number; evidence: EvidenceKind; order: string | null }

export type StoredFenceReport = {
  epoch: number
  order: string
  outcome: 'off' | 'failed'
  devices: FencedDeviceView[]
}

export type StoredUsage = { atMs: number; node: Figures; services: Record<string, Figures> }

export type StoredDocument = {
  planeEpoch: number
  revision: number
  digest: string
  managed: string
  document: Record<string, unknown>
}

export type StoredToken = {
  hash: string
  node: string | null
  usesLeft: number
  expiresMs: number
}

export type RegressClaim = { nodeUid: string; planeEpoch: number; why: string }

export type FinishedCommand = (CommandView | ClusterCommandView) & { finishedMs: number }

type Head = Pick<
  ClusterView,
  | 'cluster'
  | 'round'
  | 'planeEpoch'
  | 'quorate'
  | 'quietSinceMs'
  | 'nextGeneration'
  | 'disarm'
  | 'imbalancedSinceMs'
>

export type ClusterState = Head & {
  settings: Settings
  longestLeaseMs: number
  lastRoundMs: number | null
  nextRoundMs: number
  replica: string | null
  /** The server that the plane epoch knows, and the least number it allots. */
  server: ServerIdentity
  numberFloor: number
  claims: RegressClaim[]
  nodes: Record<string, StoredNode>
  groups: ClusterView['groups']
  rules: ClusterView['rules']
  services: Record<string, ServiceView>
  /** Highest generation ever granted, by service: also of those that are forgotten. */
  lastGenerations: Record<string, number>
  commands: CommandView[]
  clusterCommands: ClusterCommandView[]
  /** The newest ones only. */
  finished: FinishedCommand[]
  tokens: StoredToken[]
  operators: OperatorColumns
}

export type NewClusterState = {
  id: number
  uuid: string
  name: string
  development: boolean
  settings: Settings
  planeUuid: string
  server: ServerIdentity
  nowMs: number
}

/** A cluster that nobody has joined yet. */
export function newClusterState(from: NewClusterState): ClusterState {
  const { id, uuid, name, development, settings, nowMs } = from
  return {
    cluster: { id, uuid, name, development },
    round: 0,
    planeEpoch: { number: 1, uuid: from.planeUuid, quarantineUntilMs: null },
    quorate: true,
    quietSinceMs: null,
    nextGeneration: 1,
    disarm: null,
    imbalancedSinceMs: null,
    settings,
    longestLeaseMs: settings.timing.leaseMs,
    lastRoundMs: null,
    nextRoundMs: nowMs,
    replica: null,
    server: from.server,
    numberFloor: 1,
    claims: [],
    nodes: {},
    groups: {},
    rules: [],
    services: {},
    lastGenerations: {},
    commands: [],
    clusterCommands: [],
    finished: [],
    tokens: [],
    operators: noColumns,
  }
}

export function isSameServer(one: ServerIdentity, other: ServerIdentity): boolean {
  return (
    one.systemId === other.systemId &&
    one.timeline === other.timeline &&
    one.postmasterStart === other.postmasterStart
  )
}

/** The state with one node replaced. */
/** So many deaths of a node are remembered. */
const keptDeaths = 50

export function withDeath(node: StoredNode, death: StoredDeath): StoredNode {
  return { ...node, deaths: [...(node.deaths ?? []), death].slice(-keptDeaths) }
}

export function withNode(state: ClusterState, node: StoredNode): ClusterState {
  return { ...state, nodes: { ...state.nodes, [node.view.uid]: node } }
}

/** The living node of a name. */
export function nodeNamed(state: ClusterState, name: string): StoredNode | undefined {
  return Object.values(state.nodes).find((node) => node.view.name === name && !node.isRemoved)
}

/** The open holders of a node: which services it may be running. */
export function holdersOf(state: ClusterState, name: string) {
  return Object.values(state.services).flatMap((service) =>
    (service.grant?.holders ?? [])
      .filter((holder) => holder.node === name)
      .map((holder) => ({
        ...{ service, holder, generation: holder.generation ?? service.grant!.generation },
      })),
  )
}
