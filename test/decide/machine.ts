// One machine of a world: power, watchdog, what runs there, and its agent's half-second (mini-agent.ts).
import type { ShutdownPolicy } from '../../shared/settings.ts'
import { feedMarginMs, profiles } from '../../shared/timing.ts'
import { hearOutcomes, type Job, type Moving } from './live-half.ts'
import { type Agent, askEpoch, closeAll, newAgent } from './mini-agent.ts'
import { renew } from './mini-renewal.ts'
import { obey } from './obey.ts'
import type { World } from './world.ts'

export { newAgent, type Agent } from './mini-agent.ts'

/** Short leases: a life of faults fits into few ticks. */
export const timing = profiles.fast

export type Machine = {
  name: string
  isOn: boolean
  isCut: boolean
  /** What it asks arrives and is done; the answers do not come back. */
  isDeaf: boolean
  isHung: boolean
  boot: number
  /** null: the agent process is dead. */
  agent: Agent | null
  /** What really runs here, by sid. */
  processes: Map<string, number>
  /** Of this boot: the watchdog counts down from here; null: closed. */
  fedMs: number | null
  /** Halves of live moves that have not come alive, and jobs that move something away: of this boot. */
  incoming: Map<string, number>
  jobs: Map<string, Job>
  /** Journal of this boot: moves away that were begun. */
  moving: Map<string, Moving>
  /** Journal: survives the agent and the boot. */
  closed: Map<string, number>
  /** The boot that last had an epoch: what a later one finds before it has one is left over, and goes. */
  joinedBoot: number
  /** After a clean end: boots again then. */
  bootsAtMs: number | null
}

/** Half a second of one machine: its watchdog, and its agent if it has one. */
export function live(world: World, machine: Machine): void {
  const { nowMs } = world.view
  if (!machine.isOn) {
    if (machine.bootsAtMs !== null && nowMs >= machine.bootsAtMs) world.powerOn(machine)
    return
  }
  if (machine.fedMs !== null && nowMs - machine.fedMs >= timing.watchdogMs)
    return world.powerOff(machine)
  const { agent } = machine
  if (agent === null || machine.isHung) return
  hearOutcomes(machine, agent)
  const isReached = world.isPlaneUp && !machine.isCut
  if (isReached && agent.epoch === null) askEpoch(world, machine, agent)
  if (isReached && agent.epoch !== null) renew(world, machine, agent)
  const mayFeed =
    agent.sentMs !== null &&
    nowMs <= agent.sentMs + timing.leaseMs - feedMarginMs(timing.watchdogMs)
  if (machine.fedMs !== null && mayFeed) machine.fedMs = nowMs
  // After a release nobody concludes anything from this node's silence: what runs, runs on.
  if (agent.epoch !== null && !mayFeed && !agent.released) return giveUp(machine, agent)
  if (isReached && !machine.isDeaf && agent.epoch !== null && mayFeed) obey(world, machine, agent)
  if (agent.ending !== null) endIfDone(world, machine, agent)
}

/** The gentle way: stops everything, closes the watchdog, and its epoch is over. */
export function giveUp(machine: Machine, agent: Agent): void {
  closeAll(machine)
  machine.fedMs = null
  Object.assign(agent, { ...newAgent(), ending: agent.ending })
}

/** The machine is told to go down: its agent goes the way of the policy (reference 2.11). */
export function askToEnd(world: World, machine: Machine, isReboot: boolean): void {
  const { agent } = machine
  if (!machine.isOn || agent === null || agent.ending !== null) return
  const policy: ShutdownPolicy = world.view.settings.shutdownPolicy
  const conditional = isReboot ? 'freeze' : 'failover'
  const way = world.view.disarm ? 'leave' : policy === 'conditional' ? conditional : policy
  agent.ending = { way, isReboot, sinceMs: world.view.nowMs }
}

function endIfDone(world: World, machine: Machine, agent: Agent): void {
  const { way, isReboot, sinceMs } = agent.ending!
  const { nowMs } = world.view
  const isOver =
    way === 'leave' || (machine.processes.size + machine.incoming.size === 0 && agent.isTold)
  // Whoever shuts a machine down does not wait for ever: then the power goes.
  if (!isOver && nowMs - sinceMs < 20_000) return
  world.powerOff(machine)
  machine.bootsAtMs = isReboot ? nowMs + 3_000 : null
}
