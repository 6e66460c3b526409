// Reads one cluster as a ClusterView, in one statement and so in one snapshot. Must only read.
import type postgres from 'postgres'
import type { Clock } from '../../shared/clock.ts'
import type { Rule } from '../../shared/rule.ts'
import type { Figures } from '../../shared/scheduling.ts'
import { Settings } from '../../shared/settings.ts'
import { fenceAfterMs } from '../../shared/timing.ts'
import type {
  ClusterCommandView,
  ClusterView,
  CommandView,
  GrantView,
  GroupView,
  NodeView,
  RevocationView,
  ServiceConfig,
  ServiceStatus,
  ServiceView,
} from '../cluster/view.ts'
import type { ClockWitness } from '../lease/clock-witness.ts'
import { viewStatement } from './view-statement.ts'

type Sql = postgres.Sql | postgres.TransactionSql

/** A view with what the store alone needs to save the round that follows it. */
export type LoadedView = {
  view: ClusterView
  /** Digests of the desired documents as stored, by node name. */
  desiredDigests: Record<string, string>
  identityMatches: boolean
  /** A node remembers a plane epoch at least as high as ours: the history was cut. */
  regressClaims: { planeEpoch: number; why: string }[]
  longestLeaseMs: number
}

/**
 * Loads cluster `clusterId`.
 * @param witness this replica's clock pairs; without it deadlines are as the database says (for reading only, never for fencing)
 * @returns null where there is no such cluster
 */
export async function loadView(
  sql: Sql,
  clusterId: number,
  witness?: ClockWitness,
): Promise<ClusterView | null> {
  return (await load(sql, clusterId, witness))?.view ?? null
}

/** As `loadView`, with what saving needs. With `clock`, reading the view is also a reading for the witness. */
export async function load(
  sql: Sql,
  clusterId: number,
  witness?: ClockWitness,
  clock?: Clock,
): Promise<LoadedView | null> {
  const startedMs = clock?.bootMs() ?? 0
  const [row] = await sql.unsafe<RawView[]>(viewStatement, [clusterId], { prepare: true })
  if (!row?.head) return null
  const { head } = row
  if (clock && witness) {
    const tookMs = clock.bootMs() - startedMs
    witness.observe({ databaseMs: head.nowMs, bootMs: startedMs + tookMs / 2 }, tookMs)
  }
  const settings = Settings.parse(head.settings)
  // The longest lease ever allowed: after a step of the clock nobody knows which one a node holds (S11).
  const longest = { ...settings.timing, leaseMs: head.longestLeaseMs }
  const judge = judgeWith(witness, fenceAfterMs(longest))
  const view: ClusterView = {
    cluster: head.cluster,
    round: head.round,
    ...(head.lastRoundMs !== null && { lastRoundMs: head.lastRoundMs }),
    nowMs: head.nowMs,
    planeEpoch: head.planeEpoch,
    settings,
    quorate: head.quorate,
    quietSinceMs: head.quietSinceMs,
    nextGeneration: head.nextGeneration,
    disarm: head.disarm,
    imbalancedSinceMs: head.imbalancedSinceMs,
    nodes: nodesOf(row, judge),
    groups: Object.fromEntries(row.groups.map((group) => [group.name, group])),
    rules: row.rules,
    services: servicesOf(row),
    commands: row.commands,
    clusterCommands: row.clusterCommands,
  }
  addUsage(view, row.usages)
  return {
    view,
    desiredDigests: Object.fromEntries(row.nodes.map((node) => [node.name, node.desiredDigest])),
    identityMatches: head.identityMatches,
    regressClaims: head.regressClaims,
    longestLeaseMs: head.longestLeaseMs,
  }
}

type Judge = (leaseUntilMs: number, committedMs: number | null) => number

function judgeWith(witness: ClockWitness | undefined, fullMs: number): Judge {
  return (leaseUntilMs, committedMs) =>
    witness && committedMs !== null
      ? witness.judgedUntilMs(leaseUntilMs, committedMs, fullMs)
      : leaseUntilMs
}

function nodesOf(row: RawView, judge: Judge): Record<string, NodeView> {
  const nodes: Record<string, NodeView> = {}
  for (const raw of row.nodes) {
    const { desiredDigest: _, reportRevision, ...node } = raw
    const current = node.report?.epoch === node.lease.epoch
    nodes[node.name] = {
      ...node,
      lease: {
        ...node.lease,
        // A revision counts as obeyed together with the report that was made under it, never before.
        revision: current ? (reportRevision ?? 0) : 0,
        judgedUntilMs: judge(node.lease.leaseUntilMs, node.lease.renewedMs),
      },
      revocations: node.revocations.map(({ renewedMs, ...revocation }) => ({
        ...revocation,
        judgedUntilMs: judge(revocation.leaseUntilMs, renewedMs),
      })),
    }
  }
  return nodes
}

function servicesOf(row: RawView): Record<string, ServiceView> {
  const services: Record<string, ServiceView> = {}
  const at = (sid: string) => {
    services[sid] ??= { sid, config: null, status: null, grant: null, everGranted: false }
    return services[sid]
  }
  for (const { sid, ...config } of row.services) at(sid).config = config
  for (const { sid, ...status } of row.statuses) at(sid).status = status
  for (const { sid, ...grant } of row.grants) at(sid).grant = grant
  for (const service of Object.values(services)) {
    service.lastGeneration = row.lastGenerations[service.sid] ?? null
    service.everGranted = service.lastGeneration !== null
  }
  return services
}

/** Measured figures beside what they are about; a service's count only where it is. */
function addUsage(view: ClusterView, usages: RawView['usages']): void {
  for (const { node: name, usage } of usages) {
    const node = view.nodes[name]
    if (node) node.usage = usage.node
    for (const [sid, figures] of Object.entries(usage.services)) {
      const service = view.services[sid]
      if (service?.status?.node === name) service.usage = figures
    }
  }
}

type RawNode = Omit<NodeView, 'lease' | 'revocations'> & {
  lease: Omit<NodeView['lease'], 'judgedUntilMs'>
  revocations: (Omit<RevocationView, 'judgedUntilMs'> & { renewedMs: number | null })[]
  desiredDigest: string
  reportRevision: number | null
}

type RawView = {
  head: {
    cluster: ClusterView['cluster']
    nowMs: number
    round: number
    lastRoundMs: number | null
    settings: unknown
    planeEpoch: ClusterView['planeEpoch']
    quorate: boolean
    quietSinceMs: number | null
    nextGeneration: number
    disarm: ClusterView['disarm']
    imbalancedSinceMs: number | null
    identityMatches: boolean
    regressClaims: { planeEpoch: number; why: string }[]
    longestLeaseMs: number
  } | null
  nodes: RawNode[]
  groups: GroupView[]
  rules: Rule[]
  usages: { node: string; usage: { node: Figures; services: Record<string, Figures> } }[]
  services: (ServiceConfig & { sid: string })[]
  statuses: (ServiceStatus & { sid: string })[]
  grants: (GrantView & { sid: string })[]
  lastGenerations: Record<string, number>
  commands: CommandView[]
  clusterCommands: ClusterCommandView[]
}
