// A view as people are told about it: the status of a cluster, its nodes and services. Pure.
// States shown but never stored (deleting, queued, starting, stopping, disabled, ignored, clearing error flag) are made here.
import type { z } from 'zod'
import type {
  Status,
  StatusNode as NodeBody,
  StatusService as ServiceBody,
} from '../../shared/operator-api.ts'
import type { ServiceState } from '../../shared/service.ts'
import { deviceStatus, fenceOrderStatus, leftOff } from './fence-status.ts'
import { fencingStatus, isHandsOff } from './disarm.ts'
import { doubtWarnings } from './doubt-words.ts'
import { whyDrillDue } from './drills.ts'
import { compareText } from './grants.ts'
import { healthSentences, nodeWarnings } from './health-words.ts'
import { findInfeasible } from './rules/feasibility.ts'
import { rulesOf } from './rules/group-rules.ts'
import { reasonText, ruleTitle } from './rules/reasons.ts'
import type { ClusterView, NodeName, NodeView, ServiceView } from './view.ts'

type StatusNode = z.infer<typeof NodeBody>
type StatusService = z.infer<typeof ServiceBody>

/** What a view does not hold: who ran the last round, what is scheduled, which replicas are there. */
export type Surroundings = Pick<Status, 'jobs' | 'schedules' | 'replicas'> & {
  crm: { replica: string | null; lastRoundMsAgo: number | null }
}

/**
 * The whole status.
 * @param nMinusOne what placement says of the loss of any one node (../crm/what-if)
 */
export function statusOf(
  view: ClusterView,
  around: Surroundings,
  nMinusOne: Status['nMinusOne'],
): Status {
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
    nodes: inOrder(view.nodes).map((node) => nodeStatus(view, node, hosted.get(node.name))),
    services: inOrder(view.services).map((service) => serviceStatus(view, service)),
    ignoredRules: ignoredRules(view),
    nMinusOne,
    jobs: around.jobs,
    schedules: around.schedules,
    replicas: around.replicas,
  }
}

function ignoredRules(view: ClusterView): Status['ignoredRules'] {
  const infeasible = findInfeasible(rulesOf(view), Object.keys(view.nodes))
  return [...infeasible]
    .sort(([a], [b]) => compareText(a, b))
    .map(([id, reasons]) => ({
      rule: ruleTitle(id),
      message: [...new Set(reasons.map(reasonText))].join('; '),
    }))
}

/** One node as people see it. */
export function nodeStatus(view: ClusterView, node: NodeView, hosted = noServices): StatusNode {
  const { lease, watchdog } = node
  const doubt = whyNoProof(view, node)
  const fenceDevices = (node.fenceDevices ?? []).map((device) => deviceStatus(view, device))
  const isReliable = fenceDevices.length > 0 && fenceDevices.every((device) => device.doubt === '')
  // Rule 13: then it need not be proved by its own watchdog. But nothing is started on a node that has none.
  const isFenced = isReliable && watchdog.class !== 'none'
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
      protects: (lease.guarded === true && doubt === null) || isFenced,
      cannotProtect: isFenced ? null : doubt,
      drillDue: whyDrillDue(node, view.settings, view.nowMs),
      lastDrill: node.health?.drill ?? null,
    },
    fenceDevices,
    fenceOrder: fenceOrderStatus(view, node),
    lastEnd: node.health?.lastEnd ?? null,
    stalls: node.health?.stalls ?? null,
    warnings: [...nodeWarnings(node), ...doubtWarnings(node)],
    services: hosted.all,
    activeServices: hosted.active,
    virtual: node.virtual,
    maintenanceRequested: node.maintenanceRequested,
    note: node.note || noteOf(view, node, doubt),
  }
}

function noteOf(view: ClusterView, node: NodeView, doubt: string | null): string {
  const left = leftOff(view, node)
  if (left !== null) return `its fence device has switched it off; ${left}`
  const { watchdog } = node
  return watchdog.class === 'none' ? `cannot protect: ${doubt}` : ''
}

/** Why this kind of watchdog on this kind of machine is no proof at all (rules 3, 6 and 13); null: it is. */
function whyNoProof(view: ClusterView, { watchdog, virtual }: NodeView): string | null {
  if (watchdog.class === 'simulated')
    return view.cluster.development ? null : 'its watchdog is only simulated'
  if (watchdog.class === 'none') return watchdog.note ?? 'it has no watchdog'
  if (!virtual) return null
  if (!view.settings.trustVirtualWatchdog)
    return 'a virtual machine can be frozen together with its watchdog (trustVirtualWatchdog is no)'
  return watchdog.outsideClock ? null : 'a virtual machine without a clock of its hypervisor'
}

/** One service as people see it. */
export function serviceStatus(view: ClusterView, service: ServiceView): StatusService {
  const { sid, config, status, grant } = service
  return {
    sid,
    requested: config?.requested ?? null,
    state: shownState(view, service),
    crmState: status?.state ?? null,
    node: status?.node ?? grant?.holders[0]?.node ?? null,
    target: status?.target ?? null,
    running: status?.running ?? false,
    generation: grant?.generation ?? null,
    failedNodes: status?.failedNodes ?? [],
    fallbackNode: status?.fallbackNode ?? null,
    note: status?.note ?? (grant ? 'removed; its last grant waits for evidence' : ''),
  }
}

/** The state in the words of the reference, including those that are never stored. */
export function shownState(view: ClusterView, { config, status }: ServiceView): string {
  if (isHandsOff(view) && view.disarm?.mode === 'ignore') return 'ignore'
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

type Hosted = { all: number; active: number }

const noServices: Hosted = { all: 0, active: 0 }

/** States of a service that give its node nothing to do (reference 2.7). */
const idle: readonly ServiceState[] = ['stopped', 'freeze', 'error', 'request_start']

function countByNode(view: ClusterView): Map<NodeName, Hosted> {
  const hosted = new Map<NodeName, Hosted>()
  const add = (node: NodeName | null, all: number, active: number) => {
    if (node === null) return
    const known = hosted.get(node) ?? noServices
    hosted.set(node, { all: known.all + all, active: known.active + active })
  }
  for (const { status } of Object.values(view.services)) {
    if (status === null) continue
    const active = idle.includes(status.state) ? 0 : 1
    add(status.node, 1, active)
    if (status.target !== status.node) add(status.target, 0, active)
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
export function serviceNow(view: ClusterView, service: ServiceView): string {
  const { sid, state, node, target, running, generation, failedNodes, fallbackNode } =
    serviceStatus(view, service)
  const parts = [`${sid} is ${state}${node ? ` on ${node}` : ''}${target ? `, to ${target}` : ''}`]
  if (generation !== null) parts.push(`grant ${generation} is open`)
  if (running) parts.push('confirmed running')
  if (failedNodes.length > 0) parts.push(`failed to start on ${failedNodes.join(', ')}`)
  if (fallbackNode !== null) parts.push(`returns to ${fallbackNode} after its maintenance`)
  return parts.join('; ')
}

/** Where a node stands, as one sentence. */
export function nodeNow(view: ClusterView, node: NodeView): string {
  const { state, leaseRemainingMs, watchdog, mode } = nodeStatus(view, node)
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
  parts.push(...healthSentences(node))
  if (watchdog.drillDue) parts.push(`a drill is due: ${watchdog.drillDue}`)
  return parts.join('; ')
}
