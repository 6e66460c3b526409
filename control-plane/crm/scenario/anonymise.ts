// A view without what it should not tell to others: names of people's own, specs, comments, identities of machines.
// What the CRM decides on stays: a plan for the anonymous view is the plan for the true one, under other names. Pure.
import type { Rule } from '../../../shared/rule.ts'
import { movesLive } from '../../../shared/specs/service-specs.ts'
import type { ReportView } from '../../cluster/node-words.ts'
import type {
  ClusterView,
  GroupView,
  NodeName,
  NodeView,
  ServiceConfig,
  ServiceStatus,
  ServiceView,
} from '../../cluster/view.ts'
import { type Names, otherNames } from './names.ts'

/** The same cluster under other names. */
export function anonymise(view: ClusterView): ClusterView {
  const names = otherNames(view)
  const { cluster, planeEpoch } = view
  return {
    ...view,
    cluster: { ...cluster, id: 1, uuid: uuid(1), name: 'cluster' },
    planeEpoch: { ...planeEpoch, uuid: uuid(2) },
    nodes: renamed(view.nodes, names.node, (node) => anonymousNode(node, names)),
    groups: renamed(view.groups, names.group, (group) => anonymousGroup(group, names)),
    rules: view.rules.map((rule) => anonymousRule(rule, names)),
    services: renamed(view.services, names.service, (service) => anonymousService(service, names)),
    commands: view.commands.map((command) => ({
      ...command,
      uid: names.command(command.uid),
      sid: names.service(command.sid),
      node: command.node && names.node(command.node),
      reason: '',
    })),
    clusterCommands: view.clusterCommands.map((command) => ({
      ...command,
      uid: names.command(command.uid),
      node: command.node && names.node(command.node),
      reason: '',
    })),
  }
}

const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

function renamed<T>(
  record: Record<string, T>,
  name: (key: string) => string,
  change: (value: T) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [name(key), change(value)]),
  )
}

function anonymousNode(node: NodeView, names: Names): NodeView {
  const name = names.node(node.name)
  const boots = new Map<string, string>()
  /** Boots of one node are told apart, and nothing more. */
  const boot = (id: string) => {
    if (!boots.has(id)) boots.set(id, `${name}-boot-${boots.size + 1}`)
    return boots.get(id)!
  }
  const { lease, report, epochRequest, challenge } = node
  const named = <T extends { sid: string }>(one: T): T => ({ ...one, sid: names.service(one.sid) })
  return {
    ...node,
    uid: uuid(100 + Number(name.slice(1))),
    name,
    note: '',
    watchdog: {
      class: node.watchdog.class,
      identity: node.watchdog.class,
      effectiveMs: node.watchdog.effectiveMs,
    },
    lease: { ...lease, bootId: lease.bootId && boot(lease.bootId) },
    revocations: node.revocations.map((one) => ({
      ...one,
      bootId: one.bootId && boot(one.bootId),
    })),
    report: report && anonymousReport(report, boot(report.bootId), named),
    epochRequest: epochRequest && {
      ...epochRequest,
      bootId: boot(epochRequest.bootId),
      found: epochRequest.found.map(named),
    },
    challenge: challenge && {
      ...challenge,
      bootId: boot(challenge.bootId),
      questions: challenge.questions.map(named),
      waitsFor: '',
    },
  }
}

function anonymousReport(
  report: ReportView,
  bootId: string,
  named: <T extends { sid: string }>(one: T) => T,
): ReportView {
  return {
    ...report,
    bootId,
    running: report.running.map(({ address, ...one }) => ({
      ...named(one),
      ...(address !== undefined && { address: 'listens' }),
    })),
    closed: report.closed.map(named),
    results: report.results.map(({ uid, sid, outcome }) => named({ uid, sid, outcome })),
  }
}

function anonymousGroup(group: GroupView, names: Names): GroupView {
  const { restricted, nofailback } = group
  return {
    name: names.group(group.name),
    nodes: priorities(group.nodes, names),
    restricted,
    nofailback,
  }
}

function anonymousRule(rule: Rule, names: Names): Rule {
  const common = {
    id: names.rule(rule.id),
    resources: rule.resources.map(names.service),
    comment: '',
  }
  if (rule.type === 'resource-affinity') return { ...rule, ...common }
  return { ...rule, ...common, nodes: priorities(rule.nodes, names) }
}

function priorities(nodes: Record<NodeName, number>, names: Names): Record<NodeName, number> {
  return renamed(nodes, names.node, (priority) => priority)
}

function anonymousService(service: ServiceView, names: Names): ServiceView {
  const { config, status, grant } = service
  return {
    ...service,
    sid: names.service(service.sid),
    config: config && anonymousConfig(service.sid, config, names),
    status: status && anonymousStatus(status, names),
    grant: grant && {
      ...grant,
      holders: grant.holders.map((one) => ({ ...one, node: names.node(one.node) })),
    },
  }
}

/** Of the spec only what the CRM asks of it. */
function anonymousConfig(sid: string, config: ServiceConfig, names: Names): ServiceConfig {
  const isLiveBySpec = movesLive(sid, config.spec) && !movesLive(sid, {})
  return {
    ...config,
    spec: isLiveBySpec ? { live: true } : {},
    group: config.group && names.group(config.group),
    node: config.node && names.node(config.node),
    ...(config.adoptedFrom && { adoptedFrom: names.node(config.adoptedFrom) }),
  }
}

function anonymousStatus(status: ServiceStatus, names: Names): ServiceStatus {
  const { node, target, fallbackNode } = status
  return {
    ...status,
    node: node && names.node(node),
    target: target && names.node(target),
    fallbackNode: fallbackNode && names.node(fallbackNode),
    failedNodes: status.failedNodes.map(names.node),
    command: status.command && names.command(status.command),
    note: '',
  }
}
