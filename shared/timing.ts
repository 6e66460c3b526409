// Every duration of a cluster in one place, and the relations between them. Nothing that breaks one is ever stored.
// Terms and derivations: README.md › Safety. W watchdogMs, L leaseMs, F feedMarginMs, ρ clockRate, δ marginMs.
import { z } from 'zod'

/** ρ: bound on the rate error of each clock, slewing included. */
export const clockRate = 0.01

/** F = 3W: a pause before the feed, an unclean close that feeds once more, and the countdown itself, each less than W. */
export const feedFactor = 3

const positive = (what: string) =>
  z
    .number({ error: `${what} must be a number of milliseconds` })
    .int()
    .min(1)
    .max(86_400_000)

export const Timing = z.strictObject({
  watchdogMs: positive('watchdogMs'),
  renewMs: positive('renewMs'),
  requestTimeoutMs: positive('requestTimeoutMs'),
  leaseMs: positive('leaseMs'),
  /** δ: transit and I/O already handed out. */
  marginMs: positive('marginMs'),
  /** Silence after which a node is `unknown`. */
  silentMs: positive('silentMs'),
  /** After an outage in which nobody renewed, placement waits so long or until the roster is back. */
  settleMs: positive('settleMs'),
  stopTimeoutMs: positive('stopTimeoutMs'),
  /** A start that then still runs has succeeded: only this clears the relocation counter (D2). */
  stableMs: positive('stableMs'),
})
export type Timing = z.infer<typeof Timing>

export const profileNames = ['edge', 'default', 'fast'] as const
export type ProfileName = (typeof profileNames)[number]

const common = { stopTimeoutMs: 60_000, stableMs: 10_000 }

/** The profiles of the documentation. */
export const profiles: Record<ProfileName, Timing> = {
  edge: {
    watchdogMs: 40_000,
    renewMs: 5_000,
    requestTimeoutMs: 5_000,
    leaseMs: 180_000,
    marginMs: 1_000,
    silentMs: 15_000,
    settleMs: 15_000,
    ...common,
  },
  default: {
    watchdogMs: 10_000,
    renewMs: 3_000,
    requestTimeoutMs: 3_000,
    leaseMs: 60_000,
    marginMs: 500,
    silentMs: 9_000,
    settleMs: 9_000,
    ...common,
  },
  fast: {
    watchdogMs: 3_000,
    renewMs: 500,
    requestTimeoutMs: 500,
    leaseMs: 10_600,
    marginMs: 100,
    silentMs: 1_500,
    settleMs: 1_500,
    ...common,
  },
}

/** F in milliseconds for a node whose effective watchdog timeout is `watchdogMs`. */
export function feedMarginMs(watchdogMs: number): number {
  return feedFactor * watchdogMs
}

/**
 * How far past a renewal's commit the plane must wait before that lease is surely over: L·(1+ρ)² + δ. One (1+ρ) is for the node: its
 * agent's clock, which counts L − F, and its watchdog's own, which counts the three W of F. The other is for the plane's.
 */
export function fenceAfterMs(timing: Pick<Timing, 'leaseMs' | 'marginMs'>): number {
  return Math.ceil(timing.leaseMs * (1 + clockRate) ** 2) + timing.marginMs
}

/** L ≥ F + 2·renew + request timeout: one lost renewal must not stop a node's services. */
export function leastLeaseMs(
  watchdogMs: number,
  { renewMs, requestTimeoutMs }: Pick<Timing, 'renewMs' | 'requestTimeoutMs'>,
): number {
  return feedMarginMs(watchdogMs) + 2 * renewMs + requestTimeoutMs
}

/**
 * Why nothing is started under a watchdog that fires after `watchdogMs`; null: something is. A lease allows feeds until L − F after it
 * was asked for.
 */
export function whyTooSlow(watchdogMs: number, timing: Timing): string | null {
  const leastMs = leastLeaseMs(watchdogMs, timing)
  if (timing.leaseMs >= leastMs) return null
  return `it may take ${watchdogMs / 1000} s to fire, and a lease of ${timing.leaseMs / 1000} s leaves no time to feed it: leaseMs would have to be ${leastMs} or more`
}

/** The length of a plane or database outage that is survived for certain: L − F − renew − request timeout. */
export function outageSurvivedMs(timing: Timing): number {
  return timing.leaseMs - feedMarginMs(timing.watchdogMs) - timing.renewMs - timing.requestTimeoutMs
}

/** The relations that must hold, as sentences about those that do not (empty: the timing is sound). */
export function timingFaults(timing: Timing): string[] {
  const faults: string[] = []
  const least = leastLeaseMs(timing.watchdogMs, timing)
  if (timing.leaseMs < least)
    faults.push(
      `leaseMs is ${timing.leaseMs}, but 3 × watchdogMs + 2 × renewMs + requestTimeoutMs is ${least}: raise leaseMs or lower the others`,
    )
  if (timing.silentMs < 2 * timing.renewMs)
    faults.push(`silentMs is ${timing.silentMs}, less than two renewals (${2 * timing.renewMs})`)
  if (timing.silentMs > timing.leaseMs)
    faults.push(`silentMs is ${timing.silentMs}, longer than the lease (${timing.leaseMs})`)
  return faults
}

/** How long a live move may take before it is cancelled: a large machine over a slow line. */
export const liveMoveMs = 1_800_000
