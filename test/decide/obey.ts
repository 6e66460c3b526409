// How an agent of a world obeys: confirmed before it starts, nothing started that may be elsewhere, ended for good before
// it is said.
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { Order } from '../../shared/protocol.ts'
import { answer, end, endUnexpected, moveAway, receive, settleMove } from './live-half.ts'
import type { Agent, Machine } from './machine.ts'
import { closeAll } from './mini-agent.ts'
import { heldStill, modeOf } from './mini-renewal.ts'
import type { World } from './world.ts'

const stops = ['request_stop', 'relocate', 'stopped']

/** Carries out what this machine is told. */
export function obey(world: World, machine: Machine, agent: Agent): void {
  const orders = desiredFor(world.view, machine.name)
  const { mode, services, probes } = orders
  const isHeld = services.some(({ generation }) => generation !== null)
  const isStill = services.every(({ state }) => heldStill.includes(state))
  agent.isTold = !isHeld && (modeOf(agent, orders) !== 'restart' || isStill)
  const named = new Map(services.map((order) => [order.sid, order]))
  for (const sid of new Set([...machine.jobs.keys(), ...machine.moving.keys()]))
    settleMove(machine, agent, sid, named.get(sid) ?? null)
  if (mode === 'disarm') return
  if (agent.ending?.way === 'freeze' || agent.ending?.way === 'failover') return closeAll(machine)
  endUnexpected(machine, services)
  for (const order of services) {
    const { sid, state, generation, uid, foundAs } = order
    // Adopted under another number: its marks stay as they are, and count as that.
    if (foundAs !== undefined && machine.processes.get(sid) === foundAs && generation !== null)
      machine.processes.set(sid, generation)
    if (order.move?.role === 'source') moveAway(world, machine, agent, order)
    else if (order.move?.role === 'target') receive(world, machine, agent, order)
    else if (state === 'started' && generation !== null)
      keepRunning(world, machine, agent, { ...order, generation })
    else if (stops.includes(state)) {
      const known = generation ?? machine.processes.get(sid)
      if (known !== undefined) close(machine, sid, known)
      answer(agent, sid, uid, 'ok')
    }
  }
  // Unordered, and not asked for: it runs without a grant. Not under a history that may not know of it.
  if (agent.joinedPlane === world.view.planeEpoch.number)
    for (const [sid, generation] of machine.processes)
      if (!named.has(sid) && !probes.includes(sid)) close(machine, sid, generation)
  if (machine.processes.size + machine.incoming.size === 0 && !isHeld) machine.fedMs = null
}

function keepRunning(
  world: World,
  machine: Machine,
  agent: Agent,
  { sid, generation, restart, shared, uid }: Order & { generation: number },
): void {
  if (generation <= (machine.closed.get(sid) ?? 0)) return
  if (!agent.confirmed.has(`${sid} ${generation}`)) return
  const mayBeElsewhere = shared || machine.moving.get(sid)?.generation === generation
  if (mayBeElsewhere && machine.processes.get(sid) !== generation) return
  if (restart) machine.processes.delete(sid)
  if (world.broken.has(sid) || world.broken.has(`${sid}@${machine.name}`)) {
    close(machine, sid, generation)
    return answer(agent, sid, uid, 'error')
  }
  // Its source is gone for good: what has not arrived makes room for a start.
  machine.incoming.delete(sid)
  machine.processes.set(sid, generation)
  answer(agent, sid, uid, 'ok')
}

/** Whatever of it is here ends, and its generation with it. */
function close(machine: Machine, sid: string, generation: number): void {
  machine.processes.delete(sid)
  machine.incoming.delete(sid)
  end(machine, sid, generation)
}
