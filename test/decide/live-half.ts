// Live moves in a world: jobs that outlive the agent that began them, halves that are paused until they come alive, and
// an agent's part in it. A job switches over in one moment, whoever listens; what becomes of it the agent learns from the
// job's client while it has one, and else from the host alone.
import type { Order, OrderResult } from '../../shared/protocol.ts'
import type { Agent, Machine } from './machine.ts'
import { tickMs, type World } from './world.ts'

export type Job = {
  uid: string
  generation: number
  /** Where the target listens: its name and the number of its half. */
  address: string
  leftMs: number
  /** `deaf`: it succeeds, and its client never hears of it. */
  fate: Fate
  /** The agent that waits for its end; another one knows nothing of it. */
  client: Agent | null
}

export const fates = ['ok', 'fail', 'hang', 'deaf'] as const
export type Fate = (typeof fates)[number]

export type Moving = { uid: string; generation: number; isOver: boolean }

export function addressOf(machine: Machine, generation: number): string {
  return `${machine.name}/${generation}`
}

/** Half a second of a machine's jobs. They need no agent. */
export function tickJobs(world: World, machine: Machine): void {
  for (const [sid, job] of machine.jobs) {
    job.leftMs -= tickMs
    const isThere = machine.processes.get(sid) === job.generation
    if (isThere && (job.leftMs > 0 || job.fate === 'hang')) continue
    machine.jobs.delete(sid)
    const hasMoved = isThere && job.fate !== 'fail' && switchOver(world, machine, sid, job)
    if (job.fate !== 'deaf' && job.client !== null && job.client === machine.agent)
      job.client.outcomes.set(sid, hasMoved ? 'ok' : 'error')
  }
}

/** In one moment it is active there and no longer here, if that very half listens. */
function switchOver(world: World, machine: Machine, sid: string, job: Job): boolean {
  const target = world.machines.find(
    (one) => job.address === addressOf(one, one.incoming.get(sid) ?? -1),
  )
  if (!target?.isOn || world.arePeersCut) return false
  machine.processes.delete(sid)
  target.processes.set(sid, target.incoming.get(sid)!)
  target.incoming.delete(sid)
  world.moved += 1
  return true
}

/** What the agent hears of its own jobs, reached or not. */
export function hearOutcomes(machine: Machine, agent: Agent): void {
  for (const [sid, outcome] of agent.outcomes) {
    agent.outcomes.delete(sid)
    const moving = machine.moving.get(sid)
    if (moving) settle(machine, agent, sid, moving, outcome)
  }
}

/** What is on the host settles a move: it runs here and no job is left, or nothing of it is here any more. */
function settle(
  machine: Machine,
  agent: Agent,
  sid: string,
  moving: Moving,
  outcome: OrderResult['outcome'],
): void {
  if (machine.processes.get(sid) === moving.generation) moving.isOver = true
  else end(machine, sid, moving.generation)
  answer(agent, sid, moving.uid, outcome)
}

/** Cancels a job that nobody wants any more or whose client is gone, and settles what is not settled. */
export function settleMove(machine: Machine, agent: Agent, sid: string, order: Order | null): void {
  const job = machine.jobs.get(sid)
  const moving = machine.moving.get(sid)
  const isWanted = order?.state === 'migrate' && order.uid === job?.uid && !order.move?.cancel
  if (job && isWanted && job.client === agent) return
  machine.jobs.delete(sid)
  if (!moving) return
  if (!moving.isOver) settle(machine, agent, sid, moving, 'error')
  else if (order?.generation === moving.generation && !order.shared && order.uid !== moving.uid)
    machine.moving.delete(sid)
}

/** The source's half of an order. */
export function moveAway(world: World, machine: Machine, agent: Agent, order: Order): void {
  const { sid, uid, generation, move } = order
  if (generation === null || agent.results.some((one) => one.uid === uid)) return
  if (machine.jobs.has(sid)) return
  if (machine.processes.get(sid) !== generation || move?.cancel)
    return answer(agent, sid, uid, 'error')
  if (move?.address == null || !agent.confirmed.has(`${sid} ${generation}`)) return
  const { fate, moveMs: leftMs } = world
  machine.moving.set(sid, { uid, generation, isOver: false })
  const job = { uid, generation, address: move.address, leftMs, fate, client: agent }
  machine.jobs.set(sid, job)
}

/** The target's half of an order. */
export function receive(world: World, machine: Machine, agent: Agent, order: Order): void {
  const { sid, uid, generation } = order
  if (generation === null || !agent.confirmed.has(`${sid} ${generation}`)) return
  if (machine.processes.has(sid) || machine.incoming.get(sid) === generation) return
  if (generation <= (machine.closed.get(sid) ?? 0)) return
  if (!world.broken.has(`${sid}@${machine.name}`)) {
    machine.incoming.set(sid, generation)
    return
  }
  end(machine, sid, generation)
  answer(agent, sid, uid, 'error')
}

/** Halves that nothing is to arrive in are ended for good. */
export function endUnexpected(machine: Machine, orders: readonly Order[]): void {
  for (const [sid, generation] of machine.incoming) {
    const order = orders.find((one) => one.sid === sid && one.generation === generation)
    const isExpected =
      order?.move?.role === 'target' || order?.state === 'started' || order?.state === 'ignored'
    if (!isExpected) end(machine, sid, generation)
  }
}

/** Before it answers for what it runs, an agent has no half left that could still change. */
export function settleHalves(machine: Machine, agent: Agent): void {
  for (const sid of new Set([...machine.jobs.keys(), ...machine.moving.keys()]))
    settleMove(machine, agent, sid, null)
  for (const [sid, generation] of machine.incoming) end(machine, sid, generation)
}

/** Journaled as ended before anything is said about it. */
export function end(machine: Machine, sid: string, generation: number): void {
  if (machine.processes.get(sid) === generation) machine.processes.delete(sid)
  if (machine.incoming.get(sid) === generation) machine.incoming.delete(sid)
  machine.jobs.delete(sid)
  if (machine.moving.get(sid)?.generation === generation) machine.moving.delete(sid)
  machine.closed.set(sid, Math.max(generation, machine.closed.get(sid) ?? 0))
}

/** One answer to an order; a second one changes nothing. */
export function answer(
  agent: Agent,
  sid: string,
  uid: string,
  outcome: OrderResult['outcome'],
): void {
  if (agent.results.some((one) => one.uid === uid)) return
  agent.results = [...agent.results.slice(-20), { uid, sid, outcome }]
}
