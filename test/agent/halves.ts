// Halves of live moves on the machine of a test: jobs that go on whoever asked for them, and halves that listen. What a
// driver answers is what is true at that moment, or that it does not know.
import type { Effect, LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { beginTakeUp, inTwoSteps, saidOfSent, sendOff } from './two-step-halves.ts'
import type { Pending, World } from './world.ts'

type MoveEffect = Extract<Effect, { kind: 'receive' | 'take-up' | 'migrate' | 'cancel-move' }>
type Add = (finish: Pending['finish'], fail?: Pending['fail']) => void

export const isMove = (effect: Effect): effect is MoveEffect =>
  ['receive', 'take-up', 'migrate', 'cancel-move'].includes(effect.kind)

/** A job that moves something away; it ends by itself, by a cancel or with the service. */
export type Job = { uid: string; generation: number }

/** Begins this machine's part of a live move: it must be confirmed, armed and on disk. */
export function beginMove(world: World, effect: MoveEffect, add: Add): void {
  if (effect.kind === 'receive') return beginReceive(world, effect, add)
  if (effect.kind === 'take-up') {
    expectLeave(world, effect.sid, effect.generation, 'taken up')
    return beginTakeUp(world, effect, add)
  }
  const { sid, generation, uid } = effect
  if (effect.kind === 'migrate') {
    expectLeave(world, sid, generation, 'moved away')
    world.breach(world.begun.has(uid), `began ${uid} twice`)
    world.begun.set(uid, generation)
    world.began.add(`${sid}/${generation}`)
    const written = world.disk.journal?.moving[sid]
    world.breach(written?.uid !== uid || written.isOver, `began ${uid} before it was on disk`)
    if (world.host.get(sid) === generation) world.jobs.set(sid, { uid, generation })
  }
  const said = (left: 'running' | 'nothing' | 'unknown'): LrmEvent => ({
    ...{ kind: 'migrated', sid, generation, uid, left, detail: left },
    outcome: left === 'nothing' ? 'ok' : 'error',
  })
  const truth = () => said(world.host.get(sid) === generation ? 'running' : 'nothing')
  add(
    () => {
      if (effect.kind === 'cancel-move') world.jobs.delete(sid)
      // Its client gave up; the job did not.
      if (world.jobs.has(sid)) return said('unknown')
      return saidOfSent(world, effect) ?? truth()
    },
    () => said('unknown'),
  )
}

function beginReceive(
  world: World,
  { sid, generation, untilMs }: Extract<Effect, { kind: 'receive' }>,
  add: Add,
): void {
  expectLeave(world, sid, generation, 'received')
  world.breach((world.toldClosed.get(sid) ?? -1) >= generation, `received closed ${sid}`)
  const started = world.disk.journal?.started[sid]
  world.breach(started !== generation, `received ${sid} before it was on disk`)
  const isLate = world.nowMs > untilMs
  if (!isLate && !world.host.has(sid)) world.incoming.set(sid, generation)
  const said = (outcome: 'ok' | 'error'): LrmEvent => ({
    ...{ kind: 'receiving', sid, generation, outcome, detail: outcome, address: 'here' },
    ...(sid === inTwoSteps && { takesUp: true }),
  })
  const failed = () => {
    world.incoming.delete(sid)
    return said('error')
  }
  add(() => (isLate ? failed() : said('ok')), failed)
}

/** No half of anything without a confirm of this epoch, and a watchdog (S4e). */
function expectLeave(world: World, sid: string, generation: number, what: string): void {
  const { epoch, planeEpoch } = world.lrm
  const key = `${epoch?.number}/${planeEpoch?.number}/${sid}/${generation}`
  world.breach(!world.plane.confirmed.has(key), `${what} ${key} without a confirm`)
  world.breach(!world.device.running, `${what} ${sid} without a watchdog`)
}

/** A job comes to its end although nobody waits for it: it has moved, or it stays. */
export function endJob(world: World, sid: string, hasMoved: boolean): void {
  const job = world.jobs.get(sid)
  if (!job) return
  world.jobs.delete(sid)
  if (!hasMoved || world.host.get(sid) !== job.generation) return
  world.host.delete(sid)
  world.moved.add(job.uid)
  if (sid === inTwoSteps) sendOff(world, sid, job.generation)
}

/** What listens comes alive; the agent may hear of it, or find it. */
export function arrive(world: World, sid: string, isTold: boolean): void {
  const generation = world.incoming.get(sid)
  if (generation === undefined) return
  world.incoming.delete(sid)
  world.host.set(sid, generation)
  if (isTold) world.decide([{ kind: 'arrived', sid, generation }])
}

/** What the plane is told of moves must be true when it is said. */
export function checkMoves(world: World, { results, closed }: Told): void {
  for (const { uid, sid, outcome } of results) {
    const generation = world.begun.get(uid)
    if (generation === undefined) continue
    world.breach(world.jobs.get(sid)?.uid === uid, `answered ${uid} while its job is alive`)
    const isHere = world.host.get(sid) === generation
    world.breach(outcome === 'ok' && isHere, `said ${uid} has moved, and it is here`)
    const isEnded = closed.some((one) => one.sid === sid && one.generation === generation)
    const isLeft = world.moved.has(uid) && !isEnded && world.plane.isHeld(sid, generation)
    world.breach(isLeft, `answered ${uid} with ${outcome} after it had moved, and kept its half`)
  }
}

type Told = Pick<LeaseRequest, 'results' | 'closed'>

/** A move away of it was begun, and the plane has not said since that nobody else has a half. */
export function mayBeElsewhere(world: World, sid: string, generation: number): boolean {
  return world.plane.shared.has(`${sid}/${generation}`) && world.began.has(`${sid}/${generation}`)
}

const half = { cancel: false, timeoutMs: 60_000 }

/** The plane's part: orders for either half, and back. Each returns whether it applied. */
export const moves = {
  /** Sends what runs here away; with no address the target is not ready. */
  away({ plane }: World, sid: string, address: string | null): void {
    const known = plane.orders.get(sid)
    if (known?.generation == null || !['started', 'migrate'].includes(known.state)) return
    if (known.move?.role === 'target' || (known.state === 'started' && known.shared)) return
    const move = { ...half, role: 'source' as const, peer: 'n2', address }
    const uid = known.state === 'migrate' ? { uid: known.uid } : {}
    plane.order(sid, 'migrate', { move, ...uid })
    plane.shared.add(`${sid}/${known.generation}`)
  },
  cancel({ plane }: World, sid: string): void {
    const known = plane.orders.get(sid)
    if (known?.move?.role !== 'source') return
    plane.order(sid, 'migrate', { uid: known.uid, move: { ...known.move, cancel: true } })
  },
  /** Back here, after its answer or because the target is gone; `isCleared`: nobody else has a half any more. */
  back({ plane }: World, sid: string, isCleared: boolean): void {
    const known = plane.orders.get(sid)
    if (known?.generation == null || known.move?.role === 'target') return
    if (known.move && !isFailure(plane.results.get(known.uid))) return
    if (known.move) plane.order(sid, 'started', { shared: true })
    else if (known.shared && isCleared) {
      plane.shared.delete(`${sid}/${known.generation}`)
      plane.order(sid, 'started', { uid: known.uid })
    }
  },
  receive({ plane }: World, sid: string): void {
    if ((plane.orders.get(sid)?.generation ?? null) !== null || plane.bootId === null) return
    const move = { ...half, role: 'target' as const, peer: 'n2', address: null }
    plane.order(sid, 'migrate', { generation: plane.nextGeneration++, move })
  },
  /** Its source is proved to have nothing of it. */
  arrived({ plane }: World, sid: string): void {
    if (plane.orders.get(sid)?.move?.role === 'target') plane.order(sid, 'started')
  },
}

const isFailure = (outcome: string | undefined) => outcome !== undefined && outcome !== 'ok'

/** What a driver would find now. */
export function look(world: World): Found[] {
  const running = [...world.host].map(([sid, generation]) => {
    const state = world.jobs.has(sid) ? ('migrating' as const) : ('running' as const)
    return { sid, generation, state }
  })
  const incoming = [...world.incoming].map(([sid, generation]) => ({
    ...{ sid, generation, state: 'incoming' as const },
  }))
  const sent = [...world.twoSteps.sent].map(([sid, generation]) => ({
    ...{ sid, generation, state: 'migrating' as const },
  }))
  return [...running, ...incoming, ...sent]
}
