// The world of a recorded scenario: its nodes, services, rules and settings, with the conventions of the recording.
import type { Rule } from '../../shared/rule.ts'
import type { Settings } from '../../shared/settings.ts'
import type { Timing } from '../../shared/timing.ts'
import type { RequestedState } from '../../shared/service.ts'
import { createWorld, type World } from '../sim/world.ts'
import { writeGroup, writeRule, writeService } from './history.ts'
import { sidHere } from './names.ts'
import type { ScenarioFile } from './scenario-file.ts'

/** A failure is settled well before the next command, which comes 100 s later. */
const timing: Timing = {
  watchdogMs: 5_000,
  renewMs: 2_000,
  requestTimeoutMs: 2_000,
  leaseMs: 24_000,
  marginMs: 500,
  silentMs: 6_000,
  settleMs: 6_000,
  stopTimeoutMs: 60_000,
  stableMs: 5_000,
}

/** A node that does not renew any more is known to be silent after so long. */
export const silenceIsSeenMs = timing.silentMs + timing.renewMs + 1_000

/** Nodes are powered on at this second or earlier, and the cluster manager begins its work when they have joined. */
export const configuredAtMs = 30_000

/** Long enough before that for its lease to be over then. */
const strangersLeaveMs = 5_000

const mebibyte = 2 ** 20
const nodeDefaults = { cpus: 24, memoryBytes: 128 * 1024 * mebibyte }
const staticDefaults = { cpus: 4, memoryBytes: 4 * 1024 * mebibyte }
const dynamicDefaults = { cpus: 2, memoryBytes: 2 * 1024 * mebibyte }

type Figures = { cpus: number; memoryBytes: number }

/** Figures of services, as the recording's world has them. */
export class Stats {
  readonly static = new Map<string, Figures>()
  readonly dynamic = new Map<string, Figures>()

  constructor({ static_stats, dynamic_stats }: ScenarioFile['inputs']) {
    for (const [sid, { maxcpu, maxmem }] of Object.entries(static_stats ?? {}))
      this.static.set(sidHere(sid), {
        cpus: maxcpu ?? staticDefaults.cpus,
        memoryBytes: maxmem ?? staticDefaults.memoryBytes,
      })
    for (const [sid, { cpu, mem }] of Object.entries(dynamic_stats ?? {}))
      this.dynamic.set(sidHere(sid), {
        cpus: cpu ?? dynamicDefaults.cpus,
        memoryBytes: mem ?? dynamicDefaults.memoryBytes,
      })
  }

  staticOf(sid: string): Figures {
    return this.static.get(sid) ?? staticDefaults
  }

  dynamicOf(sid: string): Figures {
    return this.dynamic.get(sid) ?? dynamicDefaults
  }
}

/** Builds the world: nodes and settings, and nothing to manage yet. */
export function createSite(file: ScenarioFile): World {
  const { inputs } = file
  const world = createWorld({
    nodes: Object.keys(inputs.nodes)
      .sort()
      .map((name) => {
        const { maxcpu, maxmem } = inputs.nodes[name]!
        const cpus = maxcpu ?? nodeDefaults.cpus
        const memoryBytes = maxmem ?? nodeDefaults.memoryBytes
        const drivers = ['vm' as const, 'ct' as const, 'ocf' as const]
        return { name, isOn: isOnFirst(file, name), drivers, cpus, memoryBytes }
      }),
    settings: settingsOf(inputs.datacenter),
    seed: file.name,
  })
  for (const machine of world.machines) machine.rebootMs = null
  // The recorded manager knows every configured node, also one that was never on: such a one has been here before.
  for (const machine of world.machines)
    if (isStranger(file, machine.name))
      world.at(strangersLeaveMs, () => machine.powerOff('it is not on yet'))
  return world
}

function isStranger({ inputs, schedule }: ScenarioFile, name: string): boolean {
  const isOn = ({ t, cmd }: { t: number; cmd: string }) =>
    t * 1000 < configuredAtMs && cmd === `power ${name} on`
  return inputs.nodes[name]!.power === 'off' && !schedule.some(isOn)
}

function isOnFirst(file: ScenarioFile, name: string): boolean {
  return file.inputs.nodes[name]!.power === 'on' || isStranger(file, name)
}

function settingsOf(datacenter: ScenarioFile['inputs']['datacenter']): Partial<Settings> {
  const crs = datacenter?.crs ?? {}
  const isOn = (key: string) => Number(crs[key] ?? 0) === 1
  const number = (key: string, otherwise: number) => Number(crs[key] ?? otherwise)
  const policy = datacenter?.ha?.shutdown_policy ?? 'conditional'
  return {
    profile: 'custom',
    timing,
    quorum: 'majority',
    onLeaseLoss: 'reset',
    shutdownPolicy: policy as Settings['shutdownPolicy'],
    scheduling: {
      mode: (crs.ha ?? 'basic') as Settings['scheduling']['mode'],
      rebalanceOnStart: isOn('ha-rebalance-on-start'),
      autoRebalance: isOn('ha-auto-rebalance'),
      method: (crs['ha-auto-rebalance-method'] ?? 'bruteforce') as 'bruteforce' | 'topsis',
      threshold: number('ha-auto-rebalance-threshold', 0.3),
      holdRounds: holdRounds(number('ha-auto-rebalance-hold-duration', 3)),
      margin: number('ha-auto-rebalance-margin', 0.1),
    },
  }
}

/**
 * The recording's rounds take twice as long as ours. It counts one in which nothing is seen to move any more, then as many as
 * it is to hold, and acts in the last of them; a hold of 0 is as good as one of 1.
 */
function holdRounds(recorded: number): number {
  return 2 * Math.max(1, Math.ceil(recorded)) + 3
}

/** Configures everything, which is to be done once the nodes have joined. */
export function configure(world: World, { inputs }: ScenarioFile, stats: Stats): void {
  for (const group of inputs.groups ?? [])
    writeGroup(world, {
      name: group.id,
      nodes: Object.fromEntries(group.nodes.map(({ node, priority }) => [node, priority])),
      restricted: group.restricted,
      nofailback: group.nofailback,
    })
  for (const [sid, service] of Object.entries(inputs.services_effective))
    addService(world, sidHere(sid), stats, {
      node: service.node,
      state: service.state,
      failback: service.failback === 1,
      maxRestart: service.max_restart,
      maxRelocate: service.max_relocate,
      group: service.group ?? null,
    })
  for (const rule of inputs.rules ?? []) writeRule(world, ruleOf(rule))
}

type RecordedService = {
  node: string
  state: string
  failback?: boolean
  maxRestart?: number
  maxRelocate?: number
  group?: string | null
}

/** Configures one service, where the recording says that it is. */
export function addService(
  world: World,
  sid: string,
  stats: Stats,
  service: RecordedService,
): void {
  const { node, state, failback = true, maxRestart = 1, maxRelocate = 1, group = null } = service
  writeService(
    world,
    {
      ...{ sid, failback, maxRestart, maxRelocate, group, node },
      requested: (state === 'enabled' ? 'started' : state) as RequestedState,
      figures: stats.staticOf(sid),
      spec: sid.startsWith('ocf:') ? { live: 'commanded' } : {},
    },
    node,
  )
}

type RecordedRule = NonNullable<ScenarioFile['inputs']['rules']>[number]

function ruleOf(rule: RecordedRule): Rule {
  const common = {
    id: rule.id,
    resources: rule.resources.map(sidHere),
    disabled: rule.disable ?? false,
    comment: '',
  }
  if (rule.type === 'resource-affinity')
    return { ...common, type: rule.type, affinity: rule.affinity ?? 'negative' }
  const nodes = (rule.nodes ?? []).map(({ node, priority }) => [node, priority])
  return { ...common, type: rule.type, nodes: Object.fromEntries(nodes), strict: !!rule.strict }
}
