// Writes the files of the old manager, in our own hand: what the reader must read back as it was meant.
import type { ImportFiles } from '../../control-plane/intake/import/findings.ts'
import type { Settings } from '../../shared/settings.ts'
import type {
  ImportedGroup,
  ImportedRule,
  ImportedService,
} from '../../control-plane/intake/import/sections.ts'

type Plain<T> = Omit<T, 'file' | 'line'>
export type Written = {
  services: Plain<ImportedService>[]
  groups: Plain<ImportedGroup>[]
  rules: Plain<ImportedRule>[]
  scheduling: Settings['scheduling']
  shutdownPolicy: Settings['shutdownPolicy']
  maxWorkers: number
  status: Record<string, { state: string; node: string }>
}

/** How a writer may differ without meaning anything else. */
export type Hand = { newline: string; indent: string; yes: string; no: string; comments: boolean }

export function writeFiles(what: Written, hand: Hand): ImportFiles {
  return {
    'resources.cfg': sections(
      what.services.map((service) => writeService(service, hand)),
      hand,
    ),
    'groups.cfg': sections(
      what.groups.map((group) => writeGroup(group, hand)),
      hand,
    ),
    'rules.cfg': sections(
      what.rules.map(({ rule }) => writeRule(rule, hand)),
      hand,
    ),
    'datacenter.cfg': writeDatacenter(what, hand),
    manager_status: JSON.stringify({
      master_node: 'n1',
      timestamp: 1,
      service_status: Object.fromEntries(
        Object.entries(what.status).map(([sid, record]) => [sid, { ...record, uid: 'x' }]),
      ),
    }),
  }
}

type Lines = [header: string, properties: (string | null)[]]

function sections(all: Lines[], { newline, indent, comments }: Hand): string {
  const texts = all.map(([header, properties]) =>
    [
      ...(comments ? ['# a remark'] : []),
      header,
      ...properties.filter((line) => line !== null).map((line) => `${indent}${line}`),
      '',
    ].join(newline),
  )
  return texts.join(newline)
}

function writeService(service: Plain<ImportedService>, hand: Hand): Lines {
  const [type = '', id = ''] = service.sid.split(':')
  return [
    `${type}: ${id}`,
    [
      comment(service.comment),
      `failback ${bool(service.failback, hand)}`,
      service.group === null ? null : `group ${service.group}`,
      `max_restart ${service.maxRestart}`,
      `max_relocate ${service.maxRelocate}`,
      `auto-rebalance ${bool(service.autoRebalance, hand)}`,
      `state ${service.requested === 'started' && hand.comments ? 'enabled' : service.requested}`,
    ],
  ]
}

function writeGroup(group: Plain<ImportedGroup>, hand: Hand): Lines {
  return [
    `group: ${group.name}`,
    [
      `nodes ${nodes(group.nodes)}`,
      `restricted ${bool(group.restricted, hand)}`,
      group.nofailback ? 'nofailback' : null,
      comment(group.comment),
    ],
  ]
}

function writeRule(rule: Plain<ImportedRule>['rule'], hand: Hand): Lines {
  const common = [
    `resources ${rule.resources.join(hand.comments ? ', ' : ',')}`,
    rule.disabled ? 'disable' : null,
    comment(rule.comment),
  ]
  if (rule.type === 'resource-affinity')
    return [`resource-affinity: ${rule.id}`, [`affinity ${rule.affinity}`, ...common]]
  return [
    `node-affinity: ${rule.id}`,
    [`nodes ${nodes(rule.nodes)}`, `strict ${bool(rule.strict, hand)}`, ...common],
  ]
}

function writeDatacenter(what: Written, hand: Hand): string {
  const { mode, rebalanceOnStart, autoRebalance, method, threshold, holdRounds, margin } =
    what.scheduling
  const crs = [
    `ha=${mode}`,
    `ha-rebalance-on-start=${bool(rebalanceOnStart, hand)}`,
    `ha-auto-rebalance=${bool(autoRebalance, hand)}`,
    `ha-auto-rebalance-method=${method}`,
    `ha-auto-rebalance-threshold=${threshold}`,
    `ha-auto-rebalance-hold-duration=${holdRounds}`,
    `ha-auto-rebalance-margin=${margin}`,
  ]
  const lines = [
    `crs: ${crs.join(',')}`,
    `ha: shutdown_policy=${what.shutdownPolicy}`,
    `max_workers: ${what.maxWorkers}`,
    'fencing: watchdog',
  ]
  return lines.join(hand.newline)
}

function nodes(map: Record<string, number>): string {
  return Object.entries(map)
    .map(([name, priority]) => (priority === 0 ? name : `${name}:${priority}`))
    .join(',')
}

function comment(text: string): string | null {
  return text === '' ? null : `comment ${encodeURIComponent(text)}`
}

function bool(value: boolean, { yes, no }: Hand): string {
  return value ? yes : no
}
