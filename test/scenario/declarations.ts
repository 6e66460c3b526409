// What a scenario begins with: nodes, settings, groups, rules and services, as `ha-manager export-scenario` tells them.
import type { z } from 'zod'
import { mergeSettings } from '../../control-plane/intake/settings-wish.ts'
import { serviceTypes, type ServiceType } from '../../shared/names.ts'
import { SettingsUpdate, type ServiceCreate } from '../../shared/operator-api.ts'
import type { GroupView } from '../../control-plane/cluster/view.ts'
import type { Rule } from '../../shared/rule.ts'
import { requestedStates } from '../../shared/service.ts'
import { Settings } from '../../shared/settings.ts'
import { deviceKinds, type DeviceName } from '../sim/watchdog.ts'
import type { NodeSpec } from '../sim/world-options.ts'
import { type Words, Wrong } from './words.ts'

export type ServiceWish = { wish: z.input<typeof ServiceCreate>; node: string | null }

export type Declared = {
  nodes: Map<string, NodeSpec>
  settings: Settings
  groups: GroupView[]
  rules: Rule[]
  services: ServiceWish[]
  replicas: number
  development: boolean
  readsGates: boolean
  seed: string
}

export function nothingDeclared(): Declared {
  return {
    nodes: new Map(),
    settings: Settings.parse({}),
    groups: [],
    rules: [],
    services: [],
    replicas: 2,
    development: false,
    readsGates: false,
    seed: 'scenario',
  }
}

/** Lines that may stand before the first thing that happens; `usage` is what each must look like. */
export const declarations: Record<
  string,
  { usage: string; read(words: Words, into: Declared): void }
> = {
  nodes: {
    usage: 'nodes n1 n2 n3',
    read: (words, { nodes }) => {
      do nodes.set(words.peek(), newNode(words.node()))
      while (!words.isOver)
    },
  },
  node: {
    usage:
      'node n1 [drivers vm,process] [cpus 8] [memory 16G] [watchdog i6300esb|iTCO|nowayout|softdog|simulated|none] [virtual] [no-rtc] [fence-devices 1] [rate 1.009] [boot 2s] [off]',
    read: (words, { nodes }) => {
      const name = words.node()
      const node = nodes.get(name)
      if (!node) throw new Wrong(`node ${name} is not among: nodes ${[...nodes.keys()].join(' ')}`)
      while (!words.isOver) readNodeWord(words, node)
    },
  },
  setting: {
    usage: 'setting quorum majority, or: setting timing.leaseMs 30000',
    read: (words, into) => {
      into.settings = mergeSettings(into.settings, settingWish(words))
    },
  },
  group: {
    usage: 'group GROUP [restricted] [nofailback] on n1:2 n2',
    read: (words, { groups }) => void groups.push(readGroup(words)),
  },
  rule: {
    usage:
      'rule RULE [disabled] together|apart SID…, or: rule RULE [disabled] [strict] affinity SID… on n1:2 n2',
    read: (words, { rules }) => void rules.push(readRule(words)),
  },
  service: {
    usage:
      'service SID started|stopped|disabled|ignored [on n1] [adopted-from n1] [group G] [max-restart 1] [max-relocate 1] [stop-timeout 60s] [no-failback] [no-auto-rebalance] [cpus 1 memory 1G] [live]',
    read: (words, { services }) => void services.push(readService(words)),
  },
  replicas: {
    usage: 'replicas 2',
    read: (words, into) => {
      into.replicas = words.number('how many')
    },
  },
  development: {
    usage: 'development',
    read: (_, into) => {
      into.development = true
    },
  },
  'start-gates': {
    usage: 'start-gates: agents know of them, as older ones do not',
    read: (_, into) => {
      into.readsGates = true
    },
  },
  seed: {
    usage: 'seed WORD',
    read: (words, into) => {
      into.seed = words.next('a seed')
    },
  },
}

/** Clocks run true unless said otherwise, so that a trace shows round numbers. */
function newNode(name: string): NodeSpec {
  return { name, rate: 1, drivers: ['process', 'vm', 'ct', 'ocf'] }
}

/** As `export-scenario` tells the kinds of watchdogs it does not name. */
const classes: Record<string, DeviceName> = { weak: 'softdog', qualified: 'i6300esb' }

function readNodeWord(words: Words, node: NodeSpec): void {
  if (words.take('virtual')) node.virtual = true
  else if (words.take('no-rtc')) node.hasRtc = false
  else if (words.take('off')) node.isOn = false
  else if (words.take('fence-devices')) node.fenceDevices = words.number('how many')
  else if (words.take('drivers')) node.drivers = readDrivers(words.next('drivers'))
  else if (words.take('cpus')) node.cpus = words.number('cpus')
  else if (words.take('memory')) node.memoryBytes = words.bytes('memory')
  else if (words.take('rate')) node.rate = words.number('the rate of its clock')
  else if (words.take('boot')) node.bootMs = words.duration('the time to boot')
  // What its watchdog came to follows from its kind and the settings.
  else if (words.take('watchdog-ms')) words.number('watchdog-ms')
  else if (words.take('watchdog')) {
    const kinds = [...Object.keys(deviceKinds), ...Object.keys(classes)]
    const kind = words.oneOf('the kind of watchdog', kinds)
    node.device = classes[kind] ?? (kind as DeviceName)
  } else throw new Wrong(`${words.peek()} says nothing about a node`)
}

function readDrivers(text: string): ServiceType[] {
  const drivers = text.split(',') as ServiceType[]
  const unknown = drivers.find((driver) => !serviceTypes.includes(driver))
  if (unknown !== undefined)
    throw new Wrong(`drivers must be of ${serviceTypes.join(', ')}, not ${unknown}`)
  return drivers
}

/** `quorum majority`, `timing.leaseMs 30000`: a key, dotted where it lies deeper, and its value. */
export function settingWish(words: Words): z.infer<typeof SettingsUpdate> {
  const key = words.next('a setting')
  const text = words.next(`the value of ${key}`)
  const value = text === 'true' ? true : text === 'false' ? false : Number(text)
  const given = typeof value === 'number' && Number.isNaN(value) ? text : value
  const wish = key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), given)
  const parsed = SettingsUpdate.safeParse(wish)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new Wrong(`${path.join('.') || key}: ${message}`)
}

export function readGroup(words: Words): GroupView {
  const name = words.next('the name of a group')
  const restricted = words.take('restricted')
  const nofailback = words.take('nofailback')
  words.need('on')
  return { name, restricted, nofailback, nodes: words.priorities() }
}

export function readRule(words: Words): Rule {
  const common = {
    id: words.next('the name of a rule'),
    disabled: words.take('disabled'),
    comment: '',
  }
  const strict = words.take('strict')
  const how = words.oneOf('the kind of rule', ['together', 'apart', 'affinity'])
  const resources: string[] = []
  while (!words.isOver && words.peek() !== 'on') resources.push(words.sid())
  if (how !== 'affinity')
    return {
      ...{ ...common, type: 'resource-affinity', resources },
      affinity: how === 'together' ? 'positive' : 'negative',
    }
  words.need('on')
  return { ...common, type: 'node-affinity', resources, strict, nodes: words.priorities() }
}

export function readService(words: Words): ServiceWish {
  const sid = words.sid()
  const requested = words.oneOf('the requested state', [...requestedStates, 'enabled'])
  const spec = sid.startsWith('process:') ? { command: ['true'] } : {}
  const wish: ServiceWish = { wish: { sid, requested, spec }, node: null }
  while (!words.isOver) readServiceWord(words, wish)
  return wish
}

function readServiceWord(words: Words, service: ServiceWish): void {
  const { wish } = service
  if (words.take('on')) service.node = words.node()
  else if (words.take('adopted-from')) wish.adoptedFrom = words.node()
  else if (words.take('live')) wish.spec = { live: true }
  else Object.assign(wish, serviceUpdate(words))
}

/** One property of a service and its value. */
export function serviceUpdate(words: Words) {
  if (words.take('group')) {
    const group = words.next('a group, or none')
    return { group: group === 'none' ? null : group }
  }
  if (words.take('max-restart')) return { maxRestart: words.number('max-restart') }
  if (words.take('max-relocate')) return { maxRelocate: words.number('max-relocate') }
  if (words.take('stop-timeout')) return { stopTimeoutMs: words.duration('the timeout') }
  if (words.take('no-failback')) return { failback: false }
  if (words.take('failback')) return { failback: true }
  if (words.take('no-auto-rebalance')) return { autoRebalance: false }
  if (words.take('cpus')) {
    const cpus = words.number('cpus')
    words.need('memory')
    return { figures: { cpus, memoryBytes: words.bytes('memory') } }
  }
  throw new Wrong(`${words.peek()} says nothing about a service`)
}
