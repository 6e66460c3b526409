// The renewals of a world's agent: what it asks of its lease, and what the plane commits, as the statements have it.
import { isHandsOff } from '../../control-plane/cluster/disarm.ts'
import { desiredFor, type DesiredDocument } from '../../control-plane/cluster/orders.ts'
import type { NodeView } from '../../control-plane/cluster/view.ts'
import type { AgentMode } from '../../shared/node.ts'
import type { RunningService } from '../../shared/protocol.ts'
import { fenceAfterMs } from '../../shared/timing.ts'
import { addressOf } from './live-half.ts'
import { giveUp, type Machine, timing } from './machine.ts'
import type { Agent } from './mini-agent.ts'
import type { World } from './world.ts'

export const heldStill = ['freeze', 'stopped', 'error', 'ignored']

export function renew(world: World, machine: Machine, agent: Agent): void {
  const node = world.view.nodes[machine.name]!
  const { nowMs, planeEpoch } = world.view
  // Confirms of a lost history are void: what runs, runs on, and nothing is started.
  if (agent.planeEpoch !== planeEpoch.number) agent.confirmed.clear()
  agent.planeEpoch = planeEpoch.number
  // Regressed: the database knows less than this agent. Not granted, and not fenced.
  if (node.lease.epoch < agent.epoch!) {
    // What was let go runs on without a lease, so its end would not come by itself: a new epoch adopts it.
    if (agent.released && !machine.isDeaf) Object.assign(agent, { epoch: null, nonce: null })
    return
  }
  if (node.lease.epoch !== agent.epoch || node.lease.bootId !== bootOf(machine))
    return machine.isDeaf ? undefined : giveUp(machine, agent)
  const orders = desiredFor(world.view, machine.name)
  if (!machine.isDeaf && leavesEpoch(agent, orders, node)) return
  if (!machine.isDeaf && orders.mode !== 'disarm') agent.released = false
  const isReleased = releases(world, machine, agent, orders)
  const wanted = isReleased || agent.released ? [] : orders.services.filter(isWanted)
  if (wanted.length > 0 && machine.fedMs === null) machine.fedMs = nowMs
  for (const order of planeEpoch.quarantineUntilMs === null ? wanted : [])
    confirm(world, machine, agent, order)
  commit(world, machine, agent, orders, { isReleased, hasConfirms: wanted.length > 0 })
  if (machine.isDeaf) return
  agent.sentMs = nowMs
  agent.revision = world.view.round
  if (!isReleased) return
  Object.assign(agent, { released: true, confirmed: new Set() })
  machine.fedMs = null
}

type Order = DesiredDocument['services'][number]

const isWanted = ({ state, generation }: Order) =>
  (state === 'started' || state === 'migrate') && generation !== null

/** The cluster is armed, and this epoch proves nothing: it asks for a new one, and is as it is until then. */
function leavesEpoch(agent: Agent, { mode }: DesiredDocument, { lease }: NodeView): boolean {
  if (mode === 'disarm' || lease.guarded !== false || agent.ending !== null) {
    return false
  }
  Object.assign(agent, { epoch: null, nonce: null, confirmed: new Set() })
  return true
}

/** Whether this renewal asks for its release, and the plane commits it: as lease/release.ts has it. */
function releases(
  { view }: World,
  { name }: Machine,
  agent: Agent,
  { mode, services }: DesiredDocument,
): boolean {
  if (mode !== 'disarm' || agent.released) return false
  if (services.some(({ state }) => !heldStill.includes(state))) return false
  const isFree = isHandsOff(view) && view.disarm?.mode === 'ignore'
  return Object.values(view.services).every(({ grant, config, status }) => {
    if (!grant?.holders.some(({ node }) => node === name)) return true
    const isLeft = status?.state === 'freeze' || status?.state === 'error'
    return isFree || isLeft || config === null || config.requested === 'ignored'
  })
}

function confirm(
  world: World,
  { name, isDeaf }: Machine,
  agent: Agent,
  { sid, generation }: Order,
) {
  const service = world.view.services[sid]!
  const holders = service.grant!.holders.map((holder) =>
    holder.node === name ? { ...holder, confirmed: true } : holder,
  )
  const grant = { ...service.grant!, holders }
  const services = { ...world.view.services, [sid]: { ...service, grant } }
  world.view = { ...world.view, services }
  if (!isDeaf) agent.confirmed.add(`${sid} ${generation}`)
}

function commit(
  world: World,
  machine: Machine,
  agent: Agent,
  orders: DesiredDocument,
  { isReleased, hasConfirms }: { isReleased: boolean; hasConfirms: boolean },
) {
  const node = world.view.nodes[machine.name]!
  const { nowMs, planeEpoch, services } = world.view
  const until = Math.max(node.lease.leaseUntilMs, nowMs + fenceAfterMs(timing))
  const holds = Object.values(services).some(({ grant }) =>
    grant?.holders.some((holder) => holder.node === machine.name),
  )
  const armed = machine.fedMs !== null && !isReleased
  const guarded = guardedAfter(node.lease.guarded, { armed, holds, isReleased, hasConfirms })
  const running = runningOn(machine, agent)
  // Of what the desired state still names: a generation up to the closed one was ended with it, or never began.
  const closed = orders.services.flatMap(({ sid, generation }) => {
    const isClosed = generation !== null && generation <= (machine.closed.get(sid) ?? 0)
    return isClosed && !machine.processes.has(sid) && !machine.incoming.has(sid)
      ? [{ sid, generation }]
      : []
  })
  const head = { epoch: agent.epoch!, bootId: bootOf(machine), seq: 1 }
  const report = { ...head, running, closed, results: [...agent.results] }
  const lease = {
    ...node.lease,
    ...{ leaseUntilMs: until, judgedUntilMs: until, renewedMs: nowMs, reportedMs: nowMs },
    ...{ armed, guarded, revision: agent.revision, attestedPlaneEpoch: planeEpoch.number },
    mode: modeOf(agent, orders),
  }
  world.setNode({ ...node, report, lease })
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

type Said = { armed: boolean; holds: boolean; isReleased: boolean; hasConfirms: boolean }

/** As the statement of a renewal, and that of a release, have it. */
function guardedAfter(guarded: boolean | null, said: Said): boolean | null {
  if (said.isReleased) return said.holds ? false : null
  if (said.armed) return said.hasConfirms ? (guarded ?? true) : guarded
  return said.holds && guarded !== null ? false : null
}

export function modeOf({ ending }: Agent, { mode }: DesiredDocument): AgentMode {
  if (ending === null || mode === 'disarm') return mode
  if (ending.way === 'migrate' || mode === 'maintenance') return 'maintenance'
  return ending.way === 'failover' ? 'shutdown' : 'restart'
}

export function bootOf(machine: Machine): string {
  return `${machine.name}-boot-${machine.boot}`
}
