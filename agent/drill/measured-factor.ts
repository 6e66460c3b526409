// Effective W for each configured millisecond, from a table of known devices and the drills on this node. Pure.
// SAFETY: what a drill proved to be longer than was believed counts at once, and for good. Nothing makes a device quicker than
// the table says, which lets an unknown one count double: no bound from above holds, since it would rest on clocks that
// were kept, or set, by who knows whom between the last feed and the next boot. And what was seen at one timeout is told of
// longer ones only: a device that takes so many seconds on top takes them at the shortest, too.

/** What drills have proved of a device. */
export type Proved = {
  /** That it needs this factor; 0: nothing. */
  factor: number
  /** The shortest timeout at which it took longer than was believed: it is set to no shorter one; 0: it never did. */
  leastMs: number
}

export const nothingProved: Readonly<Proved> = { factor: 0, leastMs: 0 }

/** A device's own clock may be as wrong as any (ρ), and a beat is as long as it is. */
const toleratedShare = 0.01
const toleratedMs = 100

/** In quarters, upwards: what is measured is no more exact than that. */
const ceilQuarter = (factor: number) => Math.ceil(factor * 4) / 4

/** By the table, `tableFactor`, and by drills: the longer counts. */
export function countedFactor(tableFactor: number, { factor }: Proved): number {
  return Math.max(tableFactor, factor)
}

/** What two drills prove together. */
export function provedByBoth(one: Proved, other: Proved): Proved {
  const seen = [one.leastMs, other.leastMs].filter((ms) => ms > 0)
  return {
    factor: Math.max(one.factor, other.factor),
    leastMs: seen.length === 0 ? 0 : Math.min(...seen),
  }
}

/**
 * What one drill has proved. Within the W that was claimed that is no more than was lived for certain: it raises nothing,
 * but no later drill, and no other table, takes it back.
 */
export function provedByDrill(drill: {
  configuredMs: number
  claimedMs: number
  livedAtLeastMs: number | null
  slackMs: number
}): Proved {
  const { configuredMs, claimedMs, livedAtLeastMs, slackMs } = drill
  if (livedAtLeastMs === null || configuredMs === 0) return nothingProved
  if (livedAtLeastMs <= claimedMs * (1 + toleratedShare) + toleratedMs) {
    const surelyMs = livedAtLeastMs * (1 - toleratedShare) - toleratedMs
    return { factor: ceilQuarter(Math.max(0, surelyMs) / configuredMs), leastMs: 0 }
  }
  const factor = ceilQuarter((livedAtLeastMs + slackMs) / configuredMs)
  return { factor, leastMs: configuredMs }
}
