// Directed schedules: worlds in which one rule alone stands between a service and its second copy. Each holds with the
// production code, and breaks with its mutant.
import type { World } from '../world.ts'
import { agentSchedules } from './agent-schedules.ts'
import { fenceSchedules } from './fence-schedules.ts'
import { halfSchedules } from './half-schedules.ts'
import { hiddenSchedules } from './hidden-schedules.ts'
import { planeSchedules } from './plane-schedules.ts'
import { quarantineSchedules } from './quarantine-schedules.ts'
import { wordSchedules } from './word-schedules.ts'

/** Named by the letter that test/schedules.ts explains, where it has one. */
export type Schedule = { name: string; what: string; play(): Promise<World> }

export const schedules: readonly Schedule[] = [
  ...agentSchedules,
  ...planeSchedules,
  ...fenceSchedules,
  ...hiddenSchedules,
  ...quarantineSchedules,
  ...wordSchedules,
  ...halfSchedules,
]

export function scheduleNamed(name: string): Schedule {
  const schedule = schedules.find((one) => one.name === name)
  if (!schedule) throw new Error(`no schedule ${name}`)
  return schedule
}
