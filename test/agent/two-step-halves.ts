// Live moves in two steps on the machine of a test, for one of its services: what was sent off is nowhere until it is taken up,
// and never runs at its source again.
import type { Effect, LrmEvent } from '../../agent/lrm/decide/effect.ts'
import type { Pending, World } from './world.ts'

type Add = (finish: Pending['finish'], fail?: Pending['fail']) => void

export class TwoSteps {
  /** What was sent off and is not ended here yet. */
  sent = new Map<string, number>()
  /** All that ever was, and what a target was told of, as `sid/generation`. */
  ever = new Set<string>()
  handed = new Set<string>()
}

/** The service of this world whose moves take two steps. */
export const inTwoSteps = 'process:b'

/** Its job has sent it off. */
export function sendOff(world: World, sid: string, generation: number): void {
  world.twoSteps.sent.set(sid, generation)
  world.twoSteps.ever.add(`${sid}/${generation}`)
}

/** What the driver of the source says of what was sent off; null: it was not. A cancel ends what is left of it. */
export function saidOfSent(
  world: World,
  { kind, sid, generation, uid }: Extract<Effect, { kind: 'migrate' | 'cancel-move' }>,
): LrmEvent | null {
  if (world.twoSteps.sent.get(sid) !== generation) return null
  const isEnded = kind === 'cancel-move'
  if (isEnded) world.twoSteps.sent.delete(sid)
  const left = isEnded ? ('nothing' as const) : ('sent' as const)
  return { kind: 'migrated', sid, generation, uid, outcome: 'ok', detail: left, left }
}

/** Something is taken up: only what was sent off, or it is merely looked at. */
export function beginTakeUp(
  world: World,
  { sid, generation, from, untilMs }: Extract<Effect, { kind: 'take-up' }>,
  add: Add,
): void {
  const isHanded = world.twoSteps.handed.has(`${sid}/${generation}`)
  world.breach(from !== null && !isHanded, `took up ${sid}, which nobody had sent`)
  const isLate = world.nowMs > untilMs
  const said = (outcome: 'ok' | 'error'): LrmEvent => ({
    ...{ kind: 'taken-up', sid, generation, outcome, detail: outcome },
  })
  add(
    () => {
      if (world.host.get(sid) === generation) return said('ok')
      if (isLate || from === null || world.incoming.get(sid) !== generation) return said('error')
      world.incoming.delete(sid)
      world.host.set(sid, generation)
      return said('ok')
    },
    () => said('error'),
  )
}

/** The plane says that the other node has done its own: that it was sent, or that it runs there. */
export function hand({ plane, twoSteps }: World, sid: string): void {
  const known = plane.orders.get(sid)
  if (sid !== inTwoSteps || !known?.move || known.state !== 'migrate') return
  const { uid, move } = known
  if (move.role === 'target') twoSteps.handed.add(`${sid}/${known.generation}`)
  plane.order(sid, 'migrate', { uid, move: { ...move, handed: true } })
}
