// What must hold of an agent's effects once its boot has begun a drill, as the machine of the test sees it.
import type { Effect } from '../../agent/lrm/decide/effect.ts'
import type { World } from './world.ts'

export class DrillWatch {
  /** The last drill of which a record was begun. */
  last: string | null = null
  ended: { uid: string; outcome: string }[] = []
  beats = 0
  /** The boot whose device was armed for the last time, and when. */
  private unfed: { boot: number; sinceMs: number } | null = null
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  look(effect: Effect): void {
    const { world } = this
    const { journal } = world.disk
    const isMarked = journal?.bootId === world.bootId && (journal.drill?.state ?? 'over') !== 'over'
    const isUnfed = this.unfed?.boot === world.boot && isMarked
    switch (effect.kind) {
      case 'arm':
        world.breach(isUnfed, 'armed in the midst of a drill')
        if (!effect.drill) return
        world.breach(!isMarked, 'left unfed before it was on disk')
        world.breach(world.isBusy, 'left unfed while something runs')
        this.last = effect.drill.uid
        if (world.nowMs <= effect.untilMs) this.unfed = { boot: world.boot, sinceMs: world.nowMs }
        return
      case 'feed':
        return world.breach(isUnfed, 'fed in the midst of a drill')
      case 'close-watchdog': {
        const isOver = world.nowMs >= (this.unfed?.sinceMs ?? 0) + 4 * world.device.effectiveMs
        return world.breach(isUnfed && !isOver, 'closed in the midst of a drill')
      }
      case 'start':
      case 'receive':
        return world.breach(isMarked, `${effect.kind} in the midst of a drill`)
      case 'renew':
        return world.breach(
          isMarked && effect.request.confirms.length > 0,
          'asked for a confirm in the midst of a drill',
        )
      case 'beat-drill':
        this.beats += 1
        return
      case 'end-drill':
        this.ended.push(effect)
        this.last = effect.uid
        return
      default:
    }
  }
}
