// A view as the declarative part of a scenario: nodes, services, groups, rules and the settings that differ from the
// usual ones, one to a line; then, as comments, what a scenario cannot be begun with and what the CRM decided. Pure.
import type { Rule } from '../../../shared/rule.ts'
import { Settings } from '../../../shared/settings.ts'
import { profiles } from '../../../shared/timing.ts'
import { formatChange } from '../../cluster/change.ts'
import { compareText } from '../../cluster/grants.ts'
import { nodeNow } from '../../cluster/status.ts'
import type { ClusterView, GroupView, NodeView, ServiceView } from '../../cluster/view.ts'
import { decide } from '../decide/decide.ts'

/** As text. `view` must be anonymous already, unless it is to be told as it is. */
export function scenarioText(view: ClusterView): string {
  const { rules, settings } = view
  const nodes = inOrder(view.nodes)
  const services = inOrder(view.services)
  const lines = [
    `# A cluster as its CRM saw it in round ${view.round}, under other names. It begins at rest, with everything started`,
    '# where it is; what was otherwise is told below.',
    `nodes ${nodes.map(({ name }) => name).join(' ')}`,
    ...settingLines(settings),
    ...nodes.flatMap(nodeLines),
    ...inOrder(view.groups).map(groupLine),
    ...rules.map(ruleLine),
    ...services.flatMap(serviceLines),
    ...otherwise(view, nodes, services),
    ...decided(view),
  ]
  return `${lines.join('\n')}\n`
}

function inOrder<T>(record: Record<string, T>): T[] {
  return Object.keys(record)
    .sort(compareText)
    .map((key) => record[key]!)
}

/** Of a known profile the name says all its timing; of another one each value that is not the default profile's. */
function settingLines(settings: Settings): string[] {
  const { profile } = settings
  const usual = Settings.parse({})
  const timing = profile === 'custom' ? usual.timing : profiles[profile]
  const expected = flat({ ...usual, profile: 'default', timing })
  const given = flat(settings)
  return [...given]
    .filter(([name, value]) => expected.get(name) !== value)
    .map(([name, value]) => `setting ${name} ${value}`)
}

function flat(value: object, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, part] of Object.entries(value) as [string, unknown][])
    if (typeof part === 'object' && part !== null)
      for (const [inner, text] of flat(part, `${prefix}${name}.`)) found.set(inner, text)
    else found.set(prefix + name, String(part))
  return found
}

/** What most nodes are: bare metal with a watchdog that counts. */
function nodeLines({ name, drivers, capacity, watchdog, virtual }: NodeView): string[] {
  const parts = [
    `drivers ${drivers.join(',')}`,
    `cpus ${capacity.cpus}`,
    `memory ${capacity.memoryBytes}`,
    ...(virtual ? ['virtual'] : []),
    ...(watchdog.class === 'qualified' ? [] : [`watchdog ${watchdog.class}`]),
    `watchdog-ms ${watchdog.effectiveMs}`,
  ]
  return [`node ${name} ${parts.join(' ')}`]
}

function groupLine({ name, nodes, restricted, nofailback }: GroupView): string {
  const flags = [restricted ? 'restricted' : '', nofailback ? 'nofailback' : ''].filter(Boolean)
  return ['group', name, ...flags, 'on', priorities(nodes)].join(' ')
}

function ruleLine(rule: Rule): string {
  const disabled = rule.disabled ? ['disabled'] : []
  if (rule.type === 'resource-affinity') {
    const how = rule.affinity === 'positive' ? 'together' : 'apart'
    return ['rule', rule.id, ...disabled, how, ...rule.resources].join(' ')
  }
  const strict = rule.strict ? ['strict'] : []
  const where = ['on', priorities(rule.nodes)]
  return ['rule', rule.id, ...disabled, ...strict, 'affinity', ...rule.resources, ...where].join(
    ' ',
  )
}

function priorities(nodes: Record<string, number>): string {
  return Object.keys(nodes)
    .sort(compareText)
    .map((name) => (nodes[name] === 0 ? name : `${name}:${nodes[name]}`))
    .join(' ')
}

/** Fields that are not the usual ones follow the wish and the place. */
function serviceLines({ sid, config, status }: ServiceView): string[] {
  if (config === null) return []
  const node = status?.node ?? config.node
  const { spec, figures } = config
  const isLive = typeof spec === 'object' && spec !== null && 'live' in spec
  const parts = [
    ...(node === null ? [] : [`on ${node}`]),
    ...(config.adoptedFrom == null ? [] : [`adopted-from ${config.adoptedFrom}`]),
    ...(config.group === null ? [] : [`group ${config.group}`]),
    ...(config.maxRestart === 1 ? [] : [`max-restart ${config.maxRestart}`]),
    ...(config.maxRelocate === 1 ? [] : [`max-relocate ${config.maxRelocate}`]),
    ...(config.stopTimeoutMs === null ? [] : [`stop-timeout ${config.stopTimeoutMs}ms`]),
    ...(config.failback ? [] : ['no-failback']),
    ...(config.autoRebalance ? [] : ['no-auto-rebalance']),
    ...(figures === null ? [] : [`cpus ${figures.cpus} memory ${figures.memoryBytes}`]),
    ...(isLive ? ['live'] : []),
  ]
  return [['service', sid, config.requested, ...parts].join(' ')]
}

function otherwise(view: ClusterView, nodes: NodeView[], services: ServiceView[]): string[] {
  const lines = [
    ...(view.disarm === null ? [] : [`the cluster is ${view.disarm.state}, ${view.disarm.mode}`]),
    ...(view.planeEpoch.quarantineUntilMs === null ? [] : ['the cluster is in quarantine']),
    ...(view.quorate ? [] : ['the cluster is not quorate']),
    ...nodes.filter((node) => node.state !== 'online').map((node) => nodeNow(view, node)),
    ...services.flatMap(serviceOtherwise),
    ...view.commands.map(({ kind, sid, node, status }) =>
      [`command ${kind} ${sid}`, ...(node ? [`to ${node}`] : []), `is ${status}`].join(' '),
    ),
    ...view.clusterCommands.map(({ kind, node, status }) =>
      [`command ${kind}`, ...(node ? [`of ${node}`] : []), `is ${status}`].join(' '),
    ),
  ]
  return lines.length === 0 ? [] : ['# What was otherwise:', ...lines.map((line) => `#   ${line}`)]
}

/** What is not at rest as its line says. */
function serviceOtherwise({ sid, config, status, grant }: ServiceView): string[] {
  if (config === null) return [`${sid} is removed, and its grant is still open`]
  if (status === null) return config.requested === 'ignored' ? [] : [`${sid} is new`]
  const { state, node, target, failedNodes } = status
  const isAtRest = config.requested === 'started' ? state === 'started' : state === 'stopped'
  const holders = grant?.holders.map((holder) => holder.node) ?? []
  const isHeldThere = holders.length === 1 && holders[0] === node
  const isAsSaid = isAtRest && (state === 'stopped' || isHeldThere) && failedNodes.length === 0
  if (isAsSaid) return []
  const parts = [
    `${sid} is in ${state}`,
    ...(node ? [`on ${node}`] : []),
    ...(target ? [`to ${target}`] : []),
    holders.length > 0 ? `held by ${holders.join(' and ')}` : 'held by nobody',
    ...(failedNodes.length > 0 ? [`failed on ${failedNodes.join(', ')}`] : []),
  ]
  return [parts.join(', ').replace(', on', ' on').replace(', to', ' to')]
}

function decided(view: ClusterView): string[] {
  const { changes } = decide(view)
  if (changes.length === 0) return ['# Nothing is decided on that.']
  return ['# What is decided on that:', ...changes.map((change) => `#   ${formatChange(change)}`)]
}
