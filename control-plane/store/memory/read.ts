// A cluster of the memory store as a round reads it: what store/load-view.ts makes of the tables. Pure.
import { fenceAfterMs } from '../../../shared/timing.ts'
import type { ClusterView, NodeView, ServiceView } from '../../cluster/view.ts'
import type { ClockWitness } from '../../lease/clock-witness.ts'
import { type Judge, judgeWith, type LoadedView } from '../load-view.ts'
import {
  type ClusterState,
  isSameServer,
  type ServerIdentity,
  type StoredNode,
  type StoredUsage,
} from './state.ts'

/** Older figures say nothing. */
const usageKeptMs = 120_000

/** The cluster as a round reads it. Without a witness deadlines are as the database says. */
export function readCluster(
  state: ClusterState,
  server: ServerIdentity,
  nowMs: number,
  witness?: ClockWitness,
): LoadedView {
  const { timing } = state.settings
  const longest = { ...timing, leaseMs: state.longestLeaseMs }
  const judge = judgeWith(witness, fenceAfterMs(longest))
  const nodes = Object.values(state.nodes)
    .filter((node) => !node.isRemoved)
    .sort((a, b) => (a.view.name < b.view.name ? -1 : 1))
  const usages = Object.fromEntries(
    nodes.flatMap(({ view, usage }) =>
      usage !== null && nowMs - usage.atMs <= usageKeptMs ? [[view.name, usage]] : [],
    ),
  )
  return {
    view: {
      cluster: state.cluster,
      round: state.round,
      ...(state.lastRoundMs !== null && { lastRoundMs: state.lastRoundMs }),
      nowMs,
      planeEpoch: state.planeEpoch,
      settings: state.settings,
      quorate: state.quorate,
      quietSinceMs: state.quietSinceMs,
      nextGeneration: state.nextGeneration,
      disarm: state.disarm,
      imbalancedSinceMs: state.imbalancedSinceMs,
      nodes: nodesOf(state, nodes, judge, usages),
      groups: state.groups,
      rules: state.rules,
      services: servicesOf(state, usages),
      commands: state.commands,
      clusterCommands: state.clusterCommands,
    },
    desiredDigests: Object.fromEntries(
      nodes.map((node) => [node.view.name, node.desired?.digest ?? '']),
    ),
    identityMatches: isSameServer(state.server, server),
    regressClaims: state.claims.map(({ planeEpoch, why }) => ({ planeEpoch, why })),
    longestLeaseMs: state.longestLeaseMs,
    known: null,
    census: null,
    underRules: null,
    rules: null,
  }
}

type Usages = Record<string, StoredUsage>

function nodesOf(
  state: ClusterState,
  nodes: StoredNode[],
  judge: Judge,
  usages: Usages,
): ClusterView['nodes'] {
  const held = new Map<string, Set<number>>()
  for (const { grant } of Object.values(state.services))
    for (const { node, epoch } of grant?.holders ?? [])
      held.set(node, (held.get(node) ?? new Set()).add(epoch))
  return Object.fromEntries(
    nodes.map((node) => {
      const { name } = node.view
      const view = nodeOf(node, held.get(name), judge)
      const usage = usages[name]
      const told = node.health && { health: node.health.health, healthMs: node.health.atMs }
      const used = usage && { usage: usage.node, usageMs: usage.atMs }
      return [name, told || used ? { ...view, ...told, ...used } : view]
    }),
  )
}

function nodeOf(node: StoredNode, held: Set<number> | undefined, judge: Judge): NodeView {
  const { view } = node
  const { lease, report } = view
  const isCurrent = report?.epoch === lease.epoch
  return {
    ...view,
    lease: {
      ...lease,
      revision: isCurrent ? (node.reportRevision ?? 0) : 0,
      judgedUntilMs: judge(lease.leaseUntilMs, lease.renewedMs),
    },
    // Those of which a holder is still open.
    revocations: node.revocations
      .filter(({ epoch }) => held?.has(epoch))
      .map(({ renewedMs, ...one }) => ({
        ...one,
        judgedUntilMs: judge(one.leaseUntilMs, renewedMs),
      })),
  }
}

/** Sorted as the tables come: configured ones first. */
function servicesOf(state: ClusterState, usages: Usages): Record<string, ServiceView> {
  const order = (service: ServiceView) => (service.config ? 0 : service.status ? 1 : 2)
  const all = Object.values(state.services).sort(
    (a, b) => order(a) - order(b) || (a.sid < b.sid ? -1 : 1),
  )
  return Object.fromEntries(
    all.map((service) => {
      const isKnown = service.config !== null || service.grant !== null
      const lastGeneration = isKnown ? (state.lastGenerations[service.sid] ?? null) : null
      const everGranted = lastGeneration !== null
      const usage = usages[service.status?.node ?? '']?.services[service.sid]
      const read = { ...service, lastGeneration, everGranted }
      return [service.sid, usage ? { ...read, usage } : read]
    }),
  )
}
