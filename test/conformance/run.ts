// Plays recorded scenarios: one JSON line for each file, in the files' order.
import { readFileSync } from 'node:fs'
import type { World } from '../sim/world.ts'
import { Commands } from './commands.ts'
import { behave, type Guests } from './faults.ts'
import { sidHere, sidThere } from './names.ts'
import { Recorder } from './record.ts'
import { ScenarioFile } from './scenario-file.ts'
import { preset, settleStopped } from './preset.ts'
import { configure, configuredAtMs, createSite, silenceIsSeenMs, Stats } from './site.ts'
import { tellUsage } from './usage.ts'

export type Played = {
  name: string
  phases: Recorder['phases']
  placements: Recorder['placements']
  actions: Recorder['actions']
  final: { services: Record<string, unknown>; nodes: Record<string, unknown> }
  violations: string[]
}

/** Plays one scenario to its end. */
export async function play(file: ScenarioFile): Promise<{ played: Played; world: World }> {
  const stats = new Stats(file.inputs)
  const locks = new Map<string, string>()
  const definedOn = new Map<string, string>()
  const world = createSite(file)
  const recorder = new Recorder(world, locks)
  for (const [recorded, { node }] of Object.entries(file.inputs.services_effective))
    definedOn.set(sidHere(recorded), node)
  const guests: Guests = { locks, definedOn, whereIs: (sid) => recorder.whereIs(sid) }
  behave(world, file, guests)
  const settle = (sid: string) => settleStopped(world, sid, guests, recorder)
  world.onChange.push(({ change }) => {
    if (change.kind === 'service.state' && change.to === 'stopped')
      world.at(world.nowMs, () => settle(change.sid))
    if (change.kind === 'disarm.changed' && change.disarm === null)
      world.at(world.nowMs, () => [...definedOn.keys()].forEach(settle))
  })
  world.at(configuredAtMs, () => {
    configure(world, file, stats)
    preset(world, file, recorder)
    tellUsage(world, stats)
    for (const sid of definedOn.keys()) settle(sid)
  })
  const commands = new Commands(world, stats, guests)
  commands.onMove = (sid, kind) => {
    for (const one of [sid, ...keptTogetherWith(sid, file)]) recorder.commanded.set(one, kind)
  }
  commands.onMovedByHand = settle
  for (const { atMs, command } of timetable(file.schedule))
    world.at(atMs, () => commands.run(command))
  await world.run(file.endAtSeconds * 1000)
  const { phases, placements, actions } = recorder
  const isIdle = Object.keys(phases).length === 0
  const violations = world.checks.violations.map(({ what }) => what)
  return {
    played: {
      name: file.name,
      phases,
      placements,
      actions,
      final: finalOf(world, file, isIdle),
      violations,
    },
    world,
  }
}

/** Who gets the same move as `sid`. */
function keptTogetherWith(sid: string, { inputs }: ScenarioFile): string[] {
  const sets = (inputs.rules ?? []).filter(({ affinity }) => affinity === 'positive')
  const among = sets.map(({ resources }) => resources.map(sidHere))
  return among.filter((sids) => sids.includes(sid)).flat()
}

/**
 * When each command is given: as recorded. The recorded manager sees at once that a node is cut off or has lost its power;
 * what is commanded at the same moment comes when ours has missed its renewals.
 */
function timetable(schedule: ScenarioFile['schedule']): { atMs: number; command: string }[] {
  const isLoss = (cmd: string) => /^(network|power) \S+ off$/.test(cmd)
  const losses = new Set(schedule.filter(({ cmd }) => isLoss(cmd)).map(({ t }) => t))
  return schedule.map(({ t, cmd }) => ({
    atMs: t * 1000 + (losses.has(t) && !/^(network|power) /.test(cmd) ? silenceIsSeenMs : 0),
    command: cmd,
  }))
}

/** @param isIdle nothing was ever managed: the recorded manager never began, and thought nothing of its nodes */
function finalOf(world: World, file: ScenarioFile, isIdle: boolean): Played['final'] {
  const view = world.operator.view()
  const running = world.running()
  const names = new Set([
    ...Object.keys(file.inputs.services_effective).map(sidHere),
    ...Object.keys(view.services),
  ])
  const services: Record<string, unknown> = {}
  for (const sid of names) {
    const { config, status } = view.services[sid] ?? {}
    services[sidThere(sid)] = {
      state: status?.state ?? null,
      node: status?.node ?? null,
      running: running[sid] !== undefined,
      request: config?.requested ?? null,
    }
  }
  const nodes: Record<string, unknown> = {}
  for (const machine of world.machines)
    nodes[machine.name] = {
      power: machine.isOn ? 'on' : 'off',
      network: machine.link.isCut.up && machine.link.isCut.down ? 'off' : 'on',
      state: isIdle ? 'unknown' : (view.nodes[machine.name]?.state ?? 'unknown'),
    }
  return { services, nodes }
}

/** Reads and plays one file. */
export async function playFile(path: string): Promise<{ played: Played; world: World }> {
  return play(ScenarioFile.parse(JSON.parse(readFileSync(path, 'utf8'))))
}
