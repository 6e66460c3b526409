// One simulation: a world drawn from a seed, its faults for some hours, then healing and a time to come to rest.
import { fenceAfterMs, profiles, type Timing } from '../../shared/timing.ts'
import { drawRates, type FaultRates, noFaults, timedFaults } from './fault-rates.ts'
import { Faults } from './faults.ts'
import { Chance } from './random.ts'
import { newService, someSids } from './random-wishes.ts'
import { isMember, loosenRules, readmit } from './readmit.ts'
import { isOver, unsettled } from './settled.ts'
import type { Counts } from './tally.ts'
import { createWorld, type World } from './world.ts'
import type { DeviceName } from './watchdog.ts'

export type SimulationOptions = {
  seed: number
  hours: number
  nodes: number
  services: number
  /** Default: drawn, one to three. */
  replicas?: number | undefined
  /** No faults, no operators after the beginning, and default timing: what a day without news costs. */
  calm?: boolean
  /** Operators at a console only, and agents that read no start gates: for seeds found before there was more. */
  console?: boolean
  /** Without the faults that wait for their moment: for seeds found before there were any; so are those of a console. */
  untimed?: boolean
  keepTrace?: boolean
}

export type Simulation = {
  seed: number
  rates: FaultRates
  timing: Timing
  events: number
  virtualMs: number
  /** Processor time that it took. */
  cpuMs: number
  violations: string[]
  hash: string
  counts: Counts
  trace: string[]
}

/** A short one fits into seconds. */
export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const { seed, hours, nodes, services } = options
  const begun = process.cpuUsage()
  const chance = new Chance(`seed ${seed}`)
  const isCalm = options.calm ?? false
  const rates = isCalm ? noFaults : drawRates(chance.stream('rates'), 1)
  if (options.untimed || options.console) for (const fault of timedFaults) rates[fault] = 0
  const timing = isCalm ? profiles.default : drawTiming(chance.stream('timing'))
  const hasResources = chance.stream('resources').chance(0.4)
  const sids = someSids(services, hasResources)
  const world = createWorld({
    seed: `seed ${seed}`,
    nodes: Array.from({ length: nodes }, (_, at) => ({
      name: `n${at + 1}`,
      device: drawDevice(chance),
      drivers: ['process', 'vm', ...(hasResources ? (['ocf'] as const) : [])],
      // Frozen with its watchdog it would go on as if nothing had been: its silence proves nothing.
      virtual: chance.stream(`n${at + 1}`).chance(0.15),
      fenceDevices: drawFeeds(chance.stream(`n${at + 1}/fence`)),
    })),
    settings: {
      ...{ profile: 'custom', timing },
      afterFence: chance.stream('after fence').chance(0.4) ? 'power-on' : 'leave-off',
      quorum: chance.chance(0.2) ? 'majority' : 'plane',
    },
    replicas: options.replicas ?? 1 + chance.below(3),
    readsGates: !(options.console ?? false),
    keepTrace: options.keepTrace ?? false,
  })
  world.sids = sids
  world.database.rate = 1 + chance.between(-0.009, 0.009)
  const faults = new Faults(world, rates, chance.stream('faults'), options.console)
  world.at(5_000, () => {
    for (const sid of sids) void world.operator.add(newService(sid))
  })
  // A node can be given devices once it has joined.
  world.at(25_000, () => {
    for (const { name } of world.machines) world.setUpFencing(name)
  })
  world.at(30_000, () => faults.begin())
  await world.run(hours * 3_600_000)
  if (world.checks.violations.length === 0) await comeToRest(world, faults, timing)
  return {
    ...{ seed, rates, timing, events: world.scheduler.count, virtualMs: world.nowMs },
    cpuMs: cpuMsSince(begun),
    violations: world.checks.violations.map(
      ({ atMs, what }) => `${(atMs / 1000).toFixed(3)} ${what}`,
    ),
    hash: world.trace.hash(),
    counts: world.scheduler.tally.counts,
    trace: world.trace.lines,
  }
}

function cpuMsSince(begun: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}

function drawFeeds(chance: Chance): number {
  const drawn = chance.float()
  return drawn < 0.5 ? 0 : drawn < 0.85 ? 1 : 2
}

/** Everything heals; within a bound nothing may be left to do. */
async function comeToRest(world: World, faults: Faults, timing: Timing): Promise<void> {
  world.trace.say('world', 'heals')
  faults.end()
  const boundMs = 4 * fenceAfterMs(timing) + 2 * timing.stopTimeoutMs + 300_000
  const untilMs = world.nowMs + boundMs
  for (;;) {
    await repair(world)
    await world.run(10_000)
    if (world.checks.violations.length > 0) return
    const left = [...strangers(world), ...unsettled(world)]
    if (left.length === 0) return
    if (world.nowMs < untilMs) continue
    for (const fault of left)
      world.checks.violate(`${Math.round(boundMs / 1000)} s after healing: ${fault}`)
    return
  }
}

/** Machines that are on and that nobody has let in. */
function strangers(world: World): string[] {
  return world.machines
    .filter((machine) => machine.isOn && !isMember(world, machine))
    .map(({ name }) => `the machine ${name} is not the node of its name`)
}

/** Why a node may not go although nothing runs on it: a rule or group that it alone can satisfy. */
const aboutRules: ReadonlySet<string> = new Set(['infeasible-rules', 'no-possible-node'])

/** What people do at the end of a bad day. */
async function repair(world: World): Promise<void> {
  const { operator } = world
  const view = operator.view()
  if (view.disarm !== null) await operator.arm()
  const drilled = view.clusterCommands.flatMap(({ kind, node }) => (kind === 'drill' ? [node] : []))
  for (const node of Object.values(view.nodes))
    if (node.maintenanceRequested || drilled.includes(node.name))
      await operator.maintenance(node.name, false)
  for (const { name, state } of Object.values(view.nodes)) {
    // Where most machines are gone nobody judges the others: they still count as online.
    const isGone = state !== 'online' || !isMember(world, world.node(name))
    if (isGone && isOver(world, name)) await operator.confirmDead(name)
  }
  for (const machine of world.machines) {
    const refusal = machine.isOn ? await readmit(world, machine) : null
    if (refusal !== null && aboutRules.has(refusal)) await loosenRules(world)
  }
  for (const { sid, status, config } of Object.values(view.services)) {
    if (status?.state === 'error') await operator.command('disable', sid)
    else if (config?.requested === 'disabled') await operator.command('enable', sid)
  }
}

function drawTiming(chance: Chance): Timing {
  const base = chance.pick([profiles.default, profiles.default, profiles.fast, profiles.edge])
  return { ...base, stopTimeoutMs: chance.pick([5_000, 20_000, 60_000]) }
}

function drawDevice(chance: Chance): DeviceName {
  const drawn = chance.float()
  if (drawn < 0.5) return 'i6300esb'
  if (drawn < 0.75) return 'iTCO'
  if (drawn < 0.85) return 'softdog'
  return drawn < 0.95 ? 'nowayout' : 'none'
}
