// Which faults a seed brings, and how often: drawn once, printed first. A swarm: most worlds have few kinds, in any mix.
import type { Chance } from './random.ts'

/** Per hour and for each machine. */
export const machineFaults = [
  'powerLoss',
  'reset',
  'cut',
  'oneWayCut',
  'badLink',
  'agentCrash',
  'crashLoop',
  'agentPause',
  'agentRestart',
  'shutdown',
  'guestCrash',
  'guestStuck',
  'driverHangs',
  'diskFault',
  'journalLoss',
  'reinstall',
  'wallStep',
  'fenceDark',
  'fencePlugged',
  'fenceSetUp',
] as const

/** Per hour and for the whole site. */
export const siteFaults = [
  'replicaKill',
  'replicaPause',
  'allReplicas',
  'databaseStall',
  'databaseRestart',
  'databaseFailover',
  'databaseLoss',
  'databaseClockStep',
  'databaseCut',
] as const

/** Per hour and for the whole site: each waits for its moment (timed-faults.ts). */
export const timedFaults = [
  'roundKill',
  'roundPause',
  'decisionLoss',
  'moveWish',
  'disarmSpell',
] as const

/** Probabilities that hold all the time. */
export const steadyFaults = [
  'lostMessages',
  'repeatedMessages',
  'slowMessages',
  'lostDoorbells',
  'lostAnswers',
  'conflicts',
  'pauseBeforeFeed',
  'pauseBeforeAct',
  'pauseBeforeSend',
  'startLies',
  'startBoasts',
  'startFails',
  'startCrashes',
  'startHangs',
  'lateStops',
  'moveFails',
  'moveLate',
  'fenceRefuses',
  'fenceLies',
  'fenceWrong',
  'fenceSlow',
  'lostJobs',
  'repeatedJobs',
  'lateJobs',
] as const

export type FaultName =
  | (typeof machineFaults)[number]
  | (typeof siteFaults)[number]
  | (typeof timedFaults)[number]
  | (typeof steadyFaults)[number]
export type FaultRates = Record<FaultName, number> & { operators: number }

/** The rates of a seed. `intensity` scales how often things happen. */
export function drawRates(chance: Chance, intensity = 1): FaultRates {
  const rates: Record<string, number> = {}
  const isCalm = chance.chance(0.05)
  const draw = (names: readonly string[], low: number, high: number, share: number) => {
    for (const name of names) {
      // A stream each, so that a new kind of fault leaves the others of a seed as they were.
      const own = chance.stream(name)
      const isOn = !isCalm && own.chance(share)
      const drawn = low * (high / low) ** own.float()
      rates[name] = isOn ? Number((drawn * intensity).toPrecision(3)) : 0
    }
  }
  draw(machineFaults, 2, 100, 0.35)
  draw(siteFaults, 2, 60, 0.3)
  draw(timedFaults, 20, 300, 0.3)
  // Most are refused, or need no move.
  draw(['moveWish'], 100, 2_000, 0.4)
  draw(steadyFaults, 0.001, 0.15, 0.35)
  rates.operators = Number((isCalm ? 20 : 20 * 50 ** chance.float()).toPrecision(3))
  return rates as FaultRates
}

/** Nothing happens. */
export const noFaults = {
  ...Object.fromEntries(
    [...machineFaults, ...siteFaults, ...timedFaults, ...steadyFaults].map((name) => [name, 0]),
  ),
  operators: 0,
} as FaultRates

/** Those that are on, as one line. */
export function ratesText(rates: FaultRates): string {
  return Object.entries(rates)
    .filter(([, rate]) => rate > 0)
    .map(([name, rate]) => `${name} ${rate}`)
    .join(', ')
}
