// A view as people are told about it: the status of a cluster, its nodes and services. Pure.
// States shown but never stored (deleting, queued, starting, stopping, disabled, ignored, clearing error flag) are made here.
import type { z } from 'zod'
import type {
  Status,
  StatusNode as NodeBody,
  StatusService as ServiceBody,
} from '../../shared/operator-api.ts'
import { fencingStatus } from './disarm.ts'
import type { ClusterView, NodeName, NodeView, ServiceView } from './view.ts'

type StatusNode = z.infer<typeof NodeBody>
type StatusService = z.infer<typeof ServiceBody>

/** What a view does not hold: who ran the last round, what is scheduled, which replicas are there. */
export type Surroundings = Pick<Status, 'jobs' | 'replicas'> & {
  crm: { replica: string | null; lastRoundMsAgo: number | null }
}

/** The whole status. */
export function statusOf(view: ClusterView, around: Surroundings): Status {
  const { cluster, settings, planeEpoch } = view
  const hosted = countByNode(view)
  return {
    cluster: { name: cluster.name, uuid: cluster.uuid, development: cluster.development },
    quorum: {
      quorate: view.quorate,
      policy: settings.quorum,
      reporting: Object.values(view.nodes).filter((node) => reports(view, node)).length,
      nodes: Object.keys(view.nodes).length,
    },
    crm: {
      replica: around.crm.replica,
      round: view.round,
      lastRoundMsAgo: around.crm.lastRoundMsAgo,
      planeEpoch: planeEpoch.number,
      quarantine: quarantine(view),
    },
    fencing: fencingStatus(view),
    profile: settings.profile,
    nodes: inOrder(view.nodes).map((node) => nodeStatus(view, node, hosted.get(node.name) ?? 0)),
    services: inOrder(view.services).map(serviceStatus),
    jobs: around.jobs,
    replicas: around.replicas,
  }
}

/** One node as people see it. */
export function nodeStatus(view: ClusterView, node: NodeView, services: number): StatusNode {
  const { lease, watchdog } = node
  return {
    name: node.name,
    uid: node.uid,
    state: node.state,
    leaseRemainingMs:
      lease.renewedMs === null ? null : Math.round(lease.judgedUntilMs - view.nowMs),
    mode: lease.mode,
    lrmState: lease.lrmState,
    epoch: lease.epoch,
    watchdog: {
      class: watchdog.class,
      identity: watchdog.identity,
      effectiveMs: watchdog.effectiveMs,
      armed: lease.armed,
      protects: lease.guarded === true && silenceIsProof(view, node),
    },
    services,
    virtual: node.virtual,
    maintenanceRequested: node.maintenanceRequested,
    note: node.note,
  }
}

/** Is this kind of watchdog on this kind of machine proof at all (rules 3, 6 and 13)? */
function silenceIsProof(view: ClusterView, { watchdog, virtual }: NodeView): boolean {
  if (watchdog.class === 'simulated') return view.cluster.development
  if (watchdog.class === 'none') return false
  return !virtual || view.settings.trustVirtualWatchdog
}

/** One service as people see it. */
export function serviceStatus(service: ServiceView): StatusService {
  const { sid, config, status, grant } = service
  return {
    sid,
    requested: config?.requested ?? null,
    state: shownState(service),
    crmState: status?.state ?? null,
    node: status?.node ?? grant?.holders[0]?.node ?? null,
    target: status?.target ?? null,
    running: status?.running ?? false,
    generation: grant?.generation ?? null,
    failedNodes: status?.failedNodes ?? [],
    note: status?.note ?? (grant ? 'removed; its last grant waits for evidence' : ''),
  }
}

/** The state in the words of the reference, including those that are never stored. */
export function shownState({ config, status }: ServiceView): string {
  if (config === null) return 'deleting'
  if (config.requested === 'ignored') return 'ignored'
  if (status === null) return 'queued'
  const { state } = status
  if (state === 'stopped' && config.requested === 'disabled') return 'disabled'
  if (state === 'stopped' && config.requested === 'started')
    return status.groupUnavailable ? 'stopped' : 'starting'
  if (state === 'started' && !status.running) return 'starting'
  if (state === 'started' && config.requested !== 'started') return 'stopping'
  if (state === 'error' && config.requested === 'disabled') return 'clearing error flag'
  return state
}

function countByNode(view: ClusterView): Map<NodeName, number> {
  const hosted = new Map<NodeName, number>()
  for (const { status } of Object.values(view.services)) {
    if (!status?.node) continue
    hosted.set(status.node, (hosted.get(status.node) ?? 0) + 1)
  }
  return hosted
}

function reports(view: ClusterView, node: NodeView): boolean {
  const { reportedMs } = node.lease
  return reportedMs !== null && view.nowMs - reportedMs <= view.settings.timing.silentMs
}

function quarantine(view: ClusterView): string | null {
  const until = view.planeEpoch.quarantineUntilMs
  if (until === null) return null
  const left = Math.ceil((until - view.nowMs) / 1000)
  return left > 0
    ? `the database’s history changed: nothing is started for another ${left} s and before every node has attested`
    : 'the database’s history changed: nothing is started before every node has attested'
}

function inOrder<T>(things: Record<string, T>): T[] {
  return Object.keys(things)
    .sort()
    .map((name) => things[name] as T)
}

/** Where a service stands, as one sentence. */
export function serviceNow(service: ServiceView): string {
  const { sid, state, node, target, running, generation, failedNodes } = serviceStatus(service)
  const parts = [`${sid} is ${state}${node ? ` on ${node}` : ''}${target ? `, to ${target}` : ''}`]
  if (generation !== null) parts.push(`grant ${generation} is open`)
  if (running) parts.push('confirmed running')
  if (failedNodes.length > 0) parts.push(`failed to start on ${failedNodes.join(', ')}`)
  return parts.join('; ')
}

/** Where a node stands, as one sentence. */
export function nodeNow(view: ClusterView, node: NodeView): string {
  const { state, leaseRemainingMs, watchdog, mode } = nodeStatus(view, node, 0)
  const parts = [`${node.name} is ${state}`]
  if (mode !== 'active') parts.push(`its agent is in mode ${mode}`)
  if (leaseRemainingMs === null) parts.push('it never had a lease')
  else {
    const seconds = Math.round(Math.abs(leaseRemainingMs) / 1000)
    const ends = leaseRemainingMs > 0 ? `in ${seconds} s` : `${seconds} s ago`
    parts.push(`fence deadline ${ends}`)
  }
  parts.push(
    watchdog.armed ? 'its watchdog was armed when last heard' : 'its watchdog is not armed',
  )
  return parts.join('; ')
}
