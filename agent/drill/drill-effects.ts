// Carries out what a drill decides: its record and its beats go to the disk here and now, each before what follows it.
import type { Effect, LrmEvent } from '../lrm/decide/effect.ts'
import type { Watchdog } from '../watchdog/watchdog.ts'
import type { Drills } from './drills.ts'
import { saysReset } from './judge-drill.ts'

type DrillEffect = Extract<Effect, { kind: 'beat-drill' | 'interrupt-drill' | 'end-drill' }>

/** Absent drills: an agent without them is never told to begin one. */
export function runDrill(
  drills: Drills | undefined,
  watchdog: Watchdog,
  effect: DrillEffect,
): void {
  if (effect.kind === 'beat-drill') drills?.beat(effect.fedMs)
  else if (effect.kind === 'interrupt-drill') drills?.interrupt()
  else {
    const { uid, outcome, detail } = effect
    drills?.end({ uid, outcome, detail, identity: watchdog.info(1_000).identity })
  }
}

/** Before the last feed; null: it is on disk. Otherwise nothing is armed for it. */
export function beginDrill(
  drills: Drills | undefined,
  watchdog: Watchdog,
  bootId: string,
  { uid, effectiveMs }: NonNullable<Extract<Effect, { kind: 'arm' }>['drill']>,
): LrmEvent | null {
  try {
    if (!drills) throw new Error('this agent keeps no record of drills')
    // What the device is set to: whole seconds, where it counts in these.
    const { identity, effectiveMs: claimedMs } = watchdog.info(effectiveMs)
    const configuredMs = Math.round(claimedMs / watchdog.factor)
    const wasReset = saysReset(watchdog.bootStatus())
    drills.begin({ uid, bootId, identity, configuredMs, claimedMs, wasReset })
    return null
  } catch (error) {
    const why = `it could not be written down: ${(error as Error).message}`
    return { kind: 'drill-not-begun', why }
  }
}
