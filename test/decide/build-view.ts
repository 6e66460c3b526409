// Small views for tests of the decision: everything healthy unless a test says otherwise. Data only.
import type {
  ClusterView,
  CommandView,
  GroupView,
  LeaseView,
  NodeView,
  ServiceConfig,
  ServiceStatus,
  ServiceView,
} from '../../control-plane/cluster/view.ts'
import { Scheduling } from '../../shared/scheduling.ts'
import type { Settings } from '../../shared/settings.ts'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'

/** The moment at which built views are read. */
export const nowMs = 1_000_000

export const timing = profiles.default

/** A renewal at `renewedMs` holds until here. */
export const leaseFrom = (renewedMs: number) => renewedMs + fenceAfterMs(timing)

export type NodeChanges = Partial<Omit<NodeView, 'lease'>> & { lease?: Partial<LeaseView> }

/** A node that renewed a second ago: armed, online, epoch 3, boot `<name>-boot-1`. */
export function aNode(name: string, changes: NodeChanges = {}): NodeView {
  const { lease, ...rest } = changes
  const renewedMs = lease?.renewedMs === undefined ? nowMs - 1_000 : lease.renewedMs
  const until = leaseFrom(renewedMs ?? nowMs)
  const bootId = lease?.bootId === undefined ? `${name}-boot-1` : lease.bootId
  return {
    uid: uuidOf(name),
    name,
    drivers: ['process'],
    capacity: { cpus: 4, memoryBytes: 8e9 },
    watchdog: { class: 'qualified', identity: 'i6300esb', effectiveMs: 10_000 },
    virtual: false,
    maintenanceRequested: false,
    state: 'online',
    sinceMs: 0,
    note: '',
    revocations: [],
    report: {
      epoch: lease?.epoch ?? 3,
      bootId: bootId ?? `${name}-boot-1`,
      seq: 10,
      running: [],
      closed: [],
      results: [],
    },
    epochRequest: null,
    challenge: null,
    ...rest,
    lease: {
      epoch: 3,
      leaseUntilMs: until,
      judgedUntilMs: until,
      renewedMs,
      reportedMs: renewedMs,
      armed: true,
      guarded: true,
      releasedMs: null,
      revision: 100,
      attestedPlaneEpoch: 1,
      vouchedRound: null,
      lrmState: 'active',
      mode: 'active',
      ...lease,
      bootId,
    },
  }
}

/** A node that has been silent for `silentMs`; by default for so long that its deadline has passed. */
export function silentNode(name: string, changes: NodeChanges = {}, silentMs = 70_000): NodeView {
  const renewedMs = nowMs - silentMs
  return aNode(name, { ...changes, lease: { renewedMs, reportedMs: renewedMs, ...changes.lease } })
}

export type ServiceChanges = {
  config?: Partial<ServiceConfig> | null
  status?: Partial<ServiceStatus> | null
  /** Generation and holders; `true`: generation 1 held and confirmed by the node of its status. */
  grant?: ServiceView['grant'] | boolean
  everGranted?: boolean
  /** Default: every generation below those to come is known, as after a life without a cut history. */
  lastGeneration?: number | null
}

/** A service that runs on `node` under generation 1, or the changes thereof. */
export function aService(
  sid: string,
  node: string | null,
  changes: ServiceChanges = {},
): ServiceView {
  const status: ServiceStatus | null =
    changes.status === null
      ? null
      : {
          state: 'started',
          node,
          sinceMs: 0,
          uid: `uid-${sid}`,
          target: null,
          running: true,
          failedNodes: [],
          command: null,
          stopTimeoutMs: null,
          restart: false,
          fallbackNode: null,
          moveFailures: 0,
          retryAtMs: null,
          deadlineMs: null,
          moveCancelled: false,
          probeRound: null,
          groupUnavailable: false,
          note: '',
          ...changes.status,
        }
  const { grant = true } = changes
  return {
    sid,
    config:
      changes.config === null
        ? null
        : {
            requested: 'started',
            spec: { command: ['true'], environment: {} },
            group: null,
            maxRestart: 1,
            maxRelocate: 1,
            stopTimeoutMs: null,
            failback: true,
            autoRebalance: true,
            figures: null,
            node: null,
            version: 1,
            ...changes.config,
          },
    status,
    grant:
      grant === true
        ? { generation: 1, holders: [{ node: node ?? 'n1', epoch: 3, confirmed: true }] }
        : grant || null,
    everGranted: changes.everGranted ?? true,
    lastGeneration:
      changes.lastGeneration !== undefined
        ? changes.lastGeneration
        : changes.everGranted === false
          ? null
          : 999,
  }
}

export type ViewChanges = Partial<
  Omit<ClusterView, 'nodes' | 'services' | 'groups' | 'settings'>
> & {
  nodes?: NodeView[]
  services?: ServiceView[]
  groups?: GroupView[]
  settings?: Partial<Settings>
}

/** Three healthy nodes and no services, or the changes thereof. */
export function buildView(changes: ViewChanges = {}): ClusterView {
  const { nodes, services, groups, settings, ...rest } = changes
  let generation = 1
  const named = <T>(list: T[], key: (one: T) => string) =>
    Object.fromEntries(list.map((one) => [key(one), one]))
  // Services that say `grant: true` share no generation.
  const distinct = (services ?? []).map((service) =>
    service.grant?.generation === 1
      ? { ...service, grant: { ...service.grant, generation: generation++ } }
      : service,
  )
  return {
    cluster: { id: 1, uuid: uuidOf('cluster'), name: 'lab', development: false },
    round: 200,
    nowMs,
    planeEpoch: { number: 1, uuid: uuidOf('plane'), quarantineUntilMs: null },
    quorate: true,
    quietSinceMs: null,
    nextGeneration: 1_000,
    disarm: null,
    imbalancedSinceMs: null,
    rules: [],
    commands: [],
    clusterCommands: [],
    ...rest,
    settings: {
      profile: 'default',
      timing,
      quorum: 'plane',
      database: 'single',
      maxWorkers: 4,
      onLeaseLoss: 'gentle',
      trustVirtualWatchdog: false,
      fenceDelayMs: null,
      afterFence: 'leave-off',
      shutdownPolicy: 'conditional',
      drillEveryDays: 180,
      scheduling: Scheduling.parse({}),
      ...settings,
    },
    nodes: named(nodes ?? [aNode('n1'), aNode('n2'), aNode('n3')], (node) => node.name),
    services: named(distinct, (service) => service.sid),
    groups: named(groups ?? [], (group) => group.name),
  }
}

export function aGroup(
  name: string,
  nodes: Record<string, number>,
  changes: Partial<GroupView> = {},
): GroupView {
  return { name, nodes, restricted: false, nofailback: false, ...changes }
}

export function aCommand(
  kind: CommandView['kind'],
  sid: string,
  changes: Partial<CommandView> = {},
): CommandView {
  return {
    uid: `command-${kind}-${sid}`,
    kind,
    sid,
    node: null,
    stopTimeoutMs: null,
    status: 'pending',
    reason: '',
    ...changes,
  }
}

function uuidOf(name: string): string {
  const hex = Buffer.from(name).reduce((sum, byte) => (sum * 31 + byte) % 2 ** 32, 7)
  return `00000000-0000-4000-8000-${hex.toString(16).padStart(12, '0')}`
}
