// One machine of a world and its agent, which does what the protocol asks of it and no more: counts its lease from
// sending, feeds by the feed rule, confirms before it starts, journals what it ends before it says so.
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { OrderResult, RunningService } from '../../shared/protocol.ts'
import { feedMarginMs, fenceAfterMs, profiles } from '../../shared/timing.ts'
import { addressOf, end, hearOutcomes, type Job, type Moving, settleHalves } from './live-half.ts'
import { obey } from './obey.ts'
import type { World } from './world.ts'

/** Short leases: a life of faults fits into few ticks. */
export const timing = profiles.fast

export type Machine = {
  name: string
  isOn: boolean
  isCut: boolean
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
}

export type Agent = {
  epoch: number | null
  planeEpoch: number
  sentMs: number | null
  nonce: string | null
  confirmed: Set<string>
  results: OrderResult[]
  /** How its own jobs ended, not taken in yet. */
  outcomes: Map<string, OrderResult['outcome']>
  revision: number
}

/** Half a second of one machine: its watchdog, and its agent if it has one. */
export function live(world: World, machine: Machine): void {
  if (!machine.isOn) return
  const { nowMs } = world.view
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
  if (agent.epoch !== null && !mayFeed) return giveUp(world, machine, agent)
  if (isReached && agent.epoch !== null && mayFeed) obey(world, machine, agent)
}

/** The gentle way: stops everything, closes the watchdog, and its epoch is over. */
function giveUp(world: World, machine: Machine, agent: Agent): void {
  for (const [sid, generation] of [...machine.processes, ...machine.incoming])
    end(machine, sid, generation)
  machine.fedMs = null
  Object.assign(agent, newAgent())
}

function askEpoch(world: World, machine: Machine, agent: Agent): void {
  const node = world.view.nodes[machine.name]!
  const bootId = bootOf(machine)
  if (node.lease.bootId === bootId && agent.nonce !== null && node.epochRequest === null) {
    Object.assign(agent, { epoch: node.lease.epoch, nonce: null })
    return
  }
  settleHalves(machine, agent)
  const { challenge } = node
  agent.nonce = challenge?.bootId === bootId ? challenge.nonce : null
  const asked = (agent.nonce === null ? [] : (challenge?.questions ?? [])).map(
    ({ sid, generation }) => ({
      sid,
      generation,
      state:
        machine.processes.get(sid) === generation ? ('running' as const) : ('stopped' as const),
    }),
  )
  const request = {
    bootId,
    sameHardware: true,
    planeEpoch: world.view.planeEpoch.number,
    nonce: agent.nonce,
    found: asked,
    requestedMs: world.view.nowMs,
  }
  world.setNode({ ...node, epochRequest: request })
}

function renew(world: World, machine: Machine, agent: Agent): void {
  const node = world.view.nodes[machine.name]!
  const { nowMs } = world.view
  const { planeEpoch } = world.view
  // Confirms of a lost history are void: what runs, runs on, and nothing is started.
  if (agent.planeEpoch !== planeEpoch.number) agent.confirmed.clear()
  agent.planeEpoch = planeEpoch.number
  // Regressed: the database knows less than this agent. Not granted, and not fenced.
  if (node.lease.epoch < agent.epoch!) return
  if (node.lease.epoch !== agent.epoch || node.lease.bootId !== bootOf(machine)) {
    giveUp(world, machine, agent)
    return
  }
  agent.sentMs = nowMs
  const orders = desiredFor(world.view, machine.name)
  const until = Math.max(node.lease.leaseUntilMs, nowMs + fenceAfterMs(timing))
  const wanted = orders.services.filter(
    ({ state, generation }) => (state === 'started' || state === 'migrate') && generation !== null,
  )
  if (wanted.length > 0 && machine.fedMs === null) machine.fedMs = nowMs
  const isArmed = machine.fedMs !== null
  const guarded =
    machine.processes.size + machine.incoming.size + wanted.length === 0
      ? null
      : isArmed && node.lease.guarded !== false
  for (const { sid, generation } of planeEpoch.quarantineUntilMs === null ? wanted : []) {
    const service = world.view.services[sid]!
    const holders = service.grant!.holders.map((holder) =>
      holder.node === machine.name ? { ...holder, confirmed: true } : holder,
    )
    const grant = { ...service.grant!, holders }
    world.view = {
      ...world.view,
      services: { ...world.view.services, [sid]: { ...service, grant } },
    }
    agent.confirmed.add(`${sid} ${generation}`)
  }
  const running = runningOn(machine, agent)
  // Of what the desired state still names: a generation up to the closed one was ended with it, or never began.
  const closed = orders.services.flatMap(({ sid, generation }) =>
    generation !== null &&
    generation <= (machine.closed.get(sid) ?? 0) &&
    !machine.processes.has(sid) &&
    !machine.incoming.has(sid)
      ? [{ sid, generation }]
      : [],
  )
  const report = {
    epoch: agent.epoch,
    bootId: bootOf(machine),
    seq: 1,
    running,
    closed,
    results: [...agent.results],
  }
  const lease = {
    ...node.lease,
    leaseUntilMs: until,
    judgedUntilMs: until,
    renewedMs: nowMs,
    reportedMs: nowMs,
  }
  const facts = {
    armed: isArmed,
    guarded,
    revision: agent.revision,
    attestedPlaneEpoch: planeEpoch.number,
    mode: orders.mode,
  }
  world.setNode({ ...node, report, lease: { ...lease, ...facts } })
  agent.revision = world.view.round
}

function runningOn(machine: Machine, agent: Agent): RunningService[] {
  const running = [...machine.processes].map(([sid, generation]) => {
    const state = machine.jobs.has(sid) ? ('migrating' as const) : ('running' as const)
    return { sid, generation, state, stable: true }
  })
  const incoming = [...machine.incoming].map(([sid, generation]) => {
    const half = { sid, generation, state: 'incoming' as const, stable: false }
    const isReady = agent.confirmed.has(`${sid} ${generation}`)
    return isReady ? { ...half, address: addressOf(machine, generation) } : half
  })
  return [...running, ...incoming]
}

export function newAgent(): Agent {
  return {
    epoch: null,
    planeEpoch: 0,
    sentMs: null,
    nonce: null,
    confirmed: new Set(),
    results: [],
    outcomes: new Map(),
    revision: 0,
  }
}

function bootOf(machine: Machine): string {
  return `${machine.name}-boot-${machine.boot}`
}
