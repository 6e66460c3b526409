// The status of a cluster as text: tables for people, and the reference's one line per entry (`--lines`).
// Pure: used by the command line tool and by the admin scripts alike.
import type { Status } from '../../shared/operator-api.ts'
import { formatDuration } from './duration.ts'
import { healthColumns } from './health-text.ts'
import { type Colour, type Column, formatTable, paint } from './table.ts'

type Node = Status['nodes'][number]
type Service = Status['services'][number]

const stateColours: Record<string, Colour> = {
  online: 'green',
  started: 'green',
  maintenance: 'yellow',
  unknown: 'yellow',
  fence: 'red',
  recovery: 'red',
  error: 'red',
  stopped: 'dim',
  disabled: 'dim',
  ignored: 'dim',
  gone: 'dim',
}

export const nodeColumns: Column<Node>[] = [
  { title: 'NODE', value: (node) => node.name },
  {
    title: 'STATE',
    value: (node) => node.state,
    colour: (node) => stateColours[node.state] ?? null,
  },
  { title: 'LEASE', value: leaseText, align: 'right' },
  { title: 'MODE', value: modeText },
  { title: 'WATCHDOG', value: watchdogText },
  {
    title: 'FENCE DEVICE',
    value: ({ fenceDevices = [] }) =>
      fenceDevices.map(({ name, doubt }) => (doubt ? `${name} (${doubt})` : name)).join(' '),
    optional: true,
  },
  { title: 'SERVICES', value: (node) => String(node.services), align: 'right' },
  { title: 'NOTE', value: (node) => node.note, optional: true },
]

export const serviceColumns: Column<Service>[] = [
  { title: 'SERVICE', value: (service) => service.sid },
  { title: 'REQUESTED', value: (service) => service.requested ?? '(removed)' },
  {
    title: 'STATE',
    value: (service) => service.state,
    colour: (service) => stateColours[service.state] ?? 'yellow',
  },
  { title: 'NODE', value: placeText },
  { title: 'RUNNING', value: (service) => (service.running ? 'yes' : 'no') },
  { title: 'GENERATION', value: (service) => String(service.generation ?? '-'), align: 'right' },
  { title: 'FAILED ON', value: (service) => service.failedNodes.join(','), optional: true },
  { title: 'NOTE', value: (service) => service.note, optional: true },
]

/** So many services are named of each reason. */
const mostNamed = 4

export const unprotectedColumns: Column<Status['nMinusOne']['unprotected'][number]>[] = [
  { title: 'IF IT DIED', value: ({ node }) => node },
  { title: 'STRANDED', value: ({ services }) => String(services.length), align: 'right' },
  {
    title: 'SERVICES',
    value: ({ services }) =>
      `${services.slice(0, mostNamed).join(' ')}${services.length > mostNamed ? ' …' : ''}`,
  },
  { title: 'WHY', value: ({ why }) => why },
]

/** The whole picture. */
export function formatStatus(status: Status, isVerbose = false): string {
  const head = [
    quorumText(status),
    crmText(status),
    fencingText(status),
    nMinusOneText(status),
    ...warnings(status),
  ]
  const blocks = [head.join('\n')]
  blocks.push(
    status.nodes.length > 0
      ? formatTable(status.nodes, nodeColumns)
      : 'No nodes yet: ha-manager join-token create makes a token for the first.',
  )
  if (isVerbose && status.nodes.length > 0) blocks.push(formatTable(status.nodes, healthColumns))
  blocks.push(
    status.services.length > 0
      ? formatTable(status.services, serviceColumns)
      : 'No services yet: ha-manager add process:NAME -- COMMAND adds one.',
  )
  if (status.nMinusOne.unprotected.length > 0)
    blocks.push(formatTable(status.nMinusOne.unprotected, unprotectedColumns))
  const scheduled = scheduledRows(status)
  if (scheduled.length > 0)
    blocks.push(
      formatTable(scheduled, [
        { title: 'SCHEDULED', value: (row) => row.job },
        { title: 'ABOUT', value: (row) => row.about },
        { title: 'WHEN', value: (row) => row.when },
      ]),
    )
  return blocks.join('\n\n')
}

function scheduledRows({ jobs, schedules }: Status) {
  return [
    ...jobs.map(({ job, about, startAfter }) => ({ job, about, when: `not before ${startAfter}` })),
    ...schedules.map(({ job, cron }) => ({ job, about: 'all clusters', when: `cron ${cron}` })),
  ]
}

function quorumText({ quorum }: Status): string {
  const verdict = quorum.quorate
    ? paint('green', 'OK')
    : paint('red', 'NO QUORUM: nothing is granted, nobody is fenced')
  const nodes = quorum.nodes === 1 ? 'node' : 'nodes'
  return `quorum  ${verdict} (policy ${quorum.policy}, ${quorum.reporting} of ${quorum.nodes} ${nodes} reporting)`
}

function crmText({ crm, profile, cluster }: Status): string {
  const who = crm.replica ?? 'nobody yet'
  const age = crm.lastRoundMsAgo === null ? '' : `, ${formatDuration(crm.lastRoundMsAgo)} ago`
  return `crm     ${who} (round ${crm.round}${age}, plane epoch ${crm.planeEpoch})\ncluster ${cluster.name} (profile ${profile}${cluster.development ? ', development' : ''})`
}

function nMinusOneText({ nMinusOne: { services, unprotected } }: Status): string {
  if (services === 0) return 'N-1     nothing runs that could be lost'
  const count = unprotected.reduce((sum, row) => sum + row.services.length, 0)
  return count === 0
    ? `N-1     ${paint('green', 'OK')} (whichever node dies, each of ${services} services has another)`
    : `N-1     ${paint('yellow', `${count} of ${services} services have no second node`)}`
}

const fencingColours = {
  armed: 'green',
  standby: 'dim',
  disarming: 'yellow',
  disarmed: 'red',
} as const

function fencingText({ fencing }: Status): string {
  const { state, mode, waitsFor } = fencing
  const more = [mode ? `mode ${mode}` : '', waitsFor].filter(Boolean).join(', ')
  return `fencing ${paint(fencingColours[state], state)}${more ? ` (${more})` : ''}`
}

function warnings({ crm, ignoredRules, nodes }: Status): string[] {
  return [
    ...(crm.quarantine ? [`quarantine: ${crm.quarantine}`] : []),
    ...ignoredRules.map(({ rule, message }) => `${rule} is ignored: ${message}`),
    ...dueLines(nodes),
    ...nodes.flatMap(({ name, warnings: told = [] }) => told.map((line) => `${name}: ${line}`)),
  ].map((line) => paint('yellow', line))
}

/** Nodes whose watchdog should be drilled, those of one reason together. */
function dueLines(nodes: Node[]): string[] {
  const due = new Map<string, string[]>()
  for (const { name, watchdog } of nodes)
    if (watchdog.drillDue) due.set(watchdog.drillDue, [...(due.get(watchdog.drillDue) ?? []), name])
  return [...due].map(([why, names]) => {
    const some = names.slice(0, mostNamed).join(' ')
    return `drill due on ${some}${names.length > mostNamed ? ' …' : ''}: ${why} (ha-manager drill NODE)`
  })
}

function leaseText({ leaseRemainingMs }: Node): string {
  if (leaseRemainingMs === null) return '-'
  return leaseRemainingMs > 0 ? formatDuration(leaseRemainingMs) : 'over'
}

function modeText(node: Node): string {
  return node.maintenanceRequested && node.mode !== 'maintenance'
    ? `${node.mode} → maintenance`
    : node.mode
}

function watchdogText({ watchdog }: Node): string {
  if (watchdog.class === 'none') return 'none'
  const armed = watchdog.armed ? 'armed' : 'not armed'
  const doubt = watchdog.armed && !watchdog.protects ? ', no proof' : ''
  return `${watchdog.class} ${formatDuration(watchdog.effectiveMs)}, ${armed}${doubt}`
}

function placeText({ node, target }: Service): string {
  return `${node ?? '---'}${target && target !== node ? ` → ${target}` : ''}`
}

/** The reference's format: the type word, a space, the status text. */
export function formatStatusLines(status: Status): string {
  const crm = status.crm
  return [
    `quorum ${status.quorum.quorate ? 'OK' : `No quorum, ${status.quorum.reporting} of ${status.quorum.nodes} nodes reporting!`}`,
    ...(crm.replica ? [`master ${crm.replica} (active, round ${crm.round})`] : []),
    `fencing ${status.fencing.state}${status.fencing.mode ? `, resource mode: ${status.fencing.mode}` : ''}`,
    ...status.nodes.map(
      (node) =>
        `lrm ${node.name} (${lrmText(node)}, watchdog ${watchdogWord(node)}, lease ${leaseText(node)})`,
    ),
    ...status.services.map(
      (service) => `service ${service.sid} (${service.node ?? '---'}, ${service.state})`,
    ),
  ].join('\n')
}

function watchdogWord({ watchdog, mode }: Node): string {
  if (watchdog.armed) return 'active'
  return mode === 'disarm' ? 'released' : 'standby'
}

function lrmText(node: Node): string {
  if (node.mode !== 'active') return `${node.mode} mode`
  const isIdle = node.lrmState === 'wait_for_agent_lock' && node.activeServices === 0
  return isIdle ? 'idle' : node.lrmState
}
