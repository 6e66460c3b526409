// Carries out a node's half of a live move through its driver. Decides nothing, and gives no doubt away: a driver that
// throws says nothing about what is left.
import { serviceType } from '../../shared/names.ts'
import type { Driver, MigrateResult, ReceiveResult } from '../drivers/driver.ts'
import type { Effect, LrmEvent } from './decide/effect.ts'
import type { EffectDeps } from './effects.ts'
import { leaveUntil } from './leave.ts'

type MoveEffect = Extract<Effect, { kind: 'receive' | 'migrate' | 'cancel-move' }>

/** Runs one effect of a live move; what the driver tells meanwhile, and how it ended, are events. */
export async function runMove(
  deps: EffectDeps,
  effect: MoveEffect,
  tell: (event: LrmEvent) => void,
): Promise<void> {
  const { sid, generation } = effect
  if (effect.kind === 'receive') {
    const result = await receive(deps, effect)
    return tell({ kind: 'receiving', sid, generation, ...result })
  }
  const result = await moveAway(deps, effect, tell)
  tell({ kind: 'migrated', sid, generation, uid: effect.uid, ...result })
}

const cannot = 'its driver on this node does not move anything live'

async function receive(
  deps: EffectDeps,
  effect: Extract<Effect, { kind: 'receive' }>,
): Promise<ReceiveResult> {
  const { untilMs, kind: _, ...request } = effect
  try {
    const receiving = driverOf(deps, effect.sid)?.receive?.({
      ...request,
      mayBegin: leaveUntil(deps, untilMs),
    })
    return receiving ? await receiving : { outcome: 'invalid', detail: cannot }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message }
  }
}

async function moveAway(
  deps: EffectDeps,
  effect: Exclude<MoveEffect, { kind: 'receive' }>,
  tell: (event: LrmEvent) => void,
): Promise<MigrateResult> {
  const driver = driverOf(deps, effect.sid)
  const { sid, generation } = effect
  try {
    if (effect.kind === 'cancel-move') {
      const cancelling = driver?.cancel?.(sid)
      // A driver without moves has begun none.
      return cancelling ? await cancelling : { outcome: 'invalid', detail: cannot, left: 'running' }
    }
    const { untilMs, kind: _, uid: __, ...request } = effect
    const migrating = driver?.migrate?.({
      ...request,
      mayBegin: leaveUntil(deps, untilMs),
      onProgress: (progress) => tell({ kind: 'move-progress', sid, generation, progress }),
    })
    return migrating ? await migrating : { outcome: 'invalid', detail: cannot, left: 'running' }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message, left: 'unknown' }
  }
}

function driverOf(deps: EffectDeps, sid: string): Driver | undefined {
  return deps.drivers.find((driver) => driver.type === serviceType(sid))
}
