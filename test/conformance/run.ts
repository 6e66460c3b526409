// Plays recorded scenarios: one JSON line for each file, in the files' order.
import { readFileSync } from 'node:fs'
import type { World } from '../sim/world.ts'
import { Commands } from './commands.ts'
import { behave } from './faults.ts'
import { sidHere, sidThere } from './names.ts'
import { Recorder } from './record.ts'
import { ScenarioFile } from './scenario-file.ts'
import { preset } from './preset.ts'
import { configure, configuredAtMs, createSite, Stats } from './site.ts'
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
  const locked = new Set<string>()
  const definedOn = new Map<string, string>()
  const world = createSite(file)
  const recorder = new Recorder(world)
  for (const [recorded, { node }] of Object.entries(file.inputs.services_effective))
    definedOn.set(sidHere(recorded), node)
  behave(world, file, locked, definedOn)
  world.at(configuredAtMs, () => {
    configure(world, file, stats)
    preset(world, file, recorder)
    tellUsage(world, stats)
  })
  const commands = new Commands(world, stats, locked, definedOn)
  commands.onMove = (sid, kind) => recorder.commanded.set(sid, kind)
  for (const { t, cmd } of file.schedule) world.at(t * 1000, () => commands.run(cmd))
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
