// Carries out a node's half of a live move through its driver. Decides nothing, and gives no doubt away: a driver that
// throws says nothing about what is left.
import { serviceType } from '../../shared/names.ts'
import type { Driver, DriverResult, MigrateResult, ReceiveResult } from '../drivers/driver.ts'
import type { Effect, LrmEvent } from './decide/effect.ts'
import type { EffectDeps } from './effects.ts'
import { leaveUntil } from './leave.ts'

type MoveEffect = Extract<Effect, { kind: 'receive' | 'take-up' | 'migrate' | 'cancel-move' }>

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
  if (effect.kind === 'take-up')
    return tell({ kind: 'taken-up', sid, generation, ...(await takeUp(deps, effect)) })
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
    return receiving ? await receiving : { outcome: 'not-live', detail: cannot }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message }
  }
}

async function takeUp(
  deps: EffectDeps,
  effect: Extract<Effect, { kind: 'take-up' }>,
): Promise<DriverResult> {
  const { untilMs, kind: _, ...request } = effect
  try {
    const mayBegin = leaveUntil(deps, untilMs)
    const taking = driverOf(deps, effect.sid)?.takeUp?.({ ...request, mayBegin })
    return taking ? await taking : { outcome: 'not-live', detail: cannot }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message }
  }
}

async function moveAway(
  deps: EffectDeps,
  effect: Extract<Effect, { kind: 'migrate' | 'cancel-move' }>,
  tell: (event: LrmEvent) => void,
): Promise<MigrateResult> {
  const driver = driverOf(deps, effect.sid)
  const { sid, generation } = effect
  try {
    if (effect.kind === 'cancel-move') {
      const cancelling = driver?.cancel?.(sid)
      // A driver without moves has begun none.
      return cancelling
        ? await cancelling
        : { outcome: 'not-live', detail: cannot, left: 'running' }
    }
    const { untilMs, kind: _, uid: __, ...request } = effect
    const migrating = driver?.migrate?.({
      ...request,
      mayBegin: leaveUntil(deps, untilMs),
      onProgress: (progress) => tell({ kind: 'move-progress', sid, generation, progress }),
    })
    return migrating ? await migrating : { outcome: 'not-live', detail: cannot, left: 'running' }
  } catch (error) {
    return { outcome: 'error', detail: (error as Error).message, left: 'unknown' }
  }
}

function driverOf(deps: EffectDeps, sid: string): Driver | undefined {
  return deps.drivers.find((driver) => driver.type === serviceType(sid))
}
