// Effective W for each configured millisecond, from a table of known devices and the drills on this node. Pure.
// SAFETY: what a drill proved to be longer than was believed counts at once, and for good. Nothing makes a known device
// quicker than the table says; an unknown one, which counts double, only an upper bound, and never below what was lived.
import type { DrillResult } from '../../shared/node-health.ts'

/** What the device is taken to be without any drill. */
export type TableEntry = { identity: string; factor: number; isKnown: boolean }

/** What is kept of the drills of a device. */
export type Measured = Pick<
  DrillResult,
  'outcome' | 'configuredMs' | 'livedAtLeastMs' | 'livedAtMostMs'
> & {
  identity: string
  /** The highest factor that any drill has proved to be needed; 0: none. */
  highest: number
  /** The same of the devices that were drilled here before this one. */
  highestOfOthers: Readonly<Record<string, number>>
}

/** A device's own clock may be as wrong as any (ρ), and a beat is as long as it is. */
const toleratedShare = 0.01
const toleratedMs = 100

/** In quarters, upwards: what is measured is no more exact than that. */
const ceilQuarter = (factor: number) => Math.ceil(factor * 4) / 4

/** The factor to count with. */
export function measuredFactor(device: TableEntry, measured: Measured | null): number {
  if (measured === null) return device.factor
  if (measured.identity !== device.identity)
    return Math.max(device.factor, measured.highestOfOthers[device.identity] ?? 0)
  const { highest, outcome, livedAtLeastMs, livedAtMostMs, configuredMs } = measured
  const least = Math.max(device.factor, highest)
  if (device.isKnown || outcome !== 'fired' || configuredMs === 0) return least
  // Bounds far apart mean that the beats ended early, and then the upper one rests on wall clocks alone.
  if (livedAtMostMs === null || (livedAtLeastMs ?? 0) * 2 < livedAtMostMs) return least
  return Math.max(1, highest, Math.min(device.factor, ceilQuarter(livedAtMostMs / configuredMs)))
}

/**
 * The factor that a drill has proved to be needed. Within the W that was claimed that is no more than was lived for certain:
 * it raises nothing, but no later drill takes it back.
 */
export function provedFactor(drill: {
  configuredMs: number
  claimedMs: number
  livedAtLeastMs: number | null
  slackMs: number
}): number {
  const { configuredMs, claimedMs, livedAtLeastMs, slackMs } = drill
  if (livedAtLeastMs === null || configuredMs === 0) return 0
  if (livedAtLeastMs <= claimedMs * (1 + toleratedShare) + toleratedMs) {
    const surelyMs = livedAtLeastMs * (1 - toleratedShare) - toleratedMs
    return ceilQuarter(Math.max(0, surelyMs) / configuredMs)
  }
  return ceilQuarter((livedAtLeastMs + slackMs) / configuredMs)
}
