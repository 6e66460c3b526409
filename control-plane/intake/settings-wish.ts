// What operators wish of a cluster's settings: merged, judged as a whole, and what they cost said out loud.
// Pure. Nothing that breaks a relation between durations, or loses quorum now, is ever stored.
import type { SettingsUpdate } from '../../shared/operator-api.ts'
import { fenceDelayFault, Settings } from '../../shared/settings.ts'
import { feedMarginMs, outageSurvivedMs, profiles, timingFaults } from '../../shared/timing.ts'
import type { z } from 'zod'
import type { ClusterView } from '../cluster/view.ts'
import { losesQuorum, reporting } from './quorum-wish.ts'
import { type Refusal, refuse } from './refusal.ts'

export type SettingsWish = z.infer<typeof SettingsUpdate>

/** The settings after the wish. A profile replaces all of `timing`; single values make it `custom`. */
export function mergeSettings(now: Settings, wish: SettingsWish): Settings {
  const { profile, timing, scheduling, ...rest } = wish
  const base = profile ? { ...now, profile, timing: profiles[profile] } : now
  const given = withoutUndefined(timing ?? {})
  const changed = Object.keys(given).length > 0
  return {
    ...base,
    ...withoutUndefined(rest),
    scheduling: { ...now.scheduling, ...withoutUndefined(scheduling ?? {}) },
    ...(changed && { profile: 'custom', timing: { ...base.timing, ...given } }),
  } as Settings
}

/** May the settings become `next`? */
export function refuseSettings(view: ClusterView, next: Settings): Refusal | null {
  const faults = timingFaults(next.timing)
  if (faults.length > 0)
    return refuse(
      'timing-unsound',
      faults.join('; '),
      faults.map((message) => ({ field: 'timing', message })),
    )
  const delayFault = fenceDelayFault(next)
  if (delayFault)
    return refuse('invalid', delayFault, [{ field: 'fenceDelayMs', message: delayFault }])
  if (next.scheduling.autoRebalance && next.scheduling.mode === 'basic')
    return refuse(
      'invalid',
      'automatic rebalancing needs scheduling mode static or dynamic: counting services finds no imbalance',
      [{ field: 'scheduling.autoRebalance', message: 'must be false in mode basic' }],
    )
  const nodes = Object.keys(view.nodes).length
  if (losesQuorum(view, { ...view, settings: next }))
    return refuse(
      'would-lose-quorum',
      `only ${reporting(view, next.timing.silentMs)} of ${nodes} nodes report: under quorum policy majority the cluster would not be quorate now`,
    )
  return null
}

/** What a person should know about these settings. */
export function settingsWarnings(settings: Settings, view: ClusterView | null): string[] {
  const warnings: string[] = []
  const survived = outageSurvivedMs(settings.timing)
  // A failover of a replicated database takes at least a few seconds.
  if (survived < 5_000)
    warnings.push(
      `a database or plane outage of more than ${seconds(survived)} may stop every service of this cluster, and a database failover takes longer than that`,
    )
  if (settings.trustVirtualWatchdog)
    warnings.push(
      'a virtual node that is frozen past its lease and then continued runs its services a second time until its agent has looked at its clocks, for about a second',
    )
  for (const node of Object.values(view?.nodes ?? {})) {
    if (settings.trustVirtualWatchdog && node.virtual && !node.watchdog.outsideClock)
      warnings.push(
        `node ${node.name} is virtual and has no clock by which it would see that it was frozen: its watchdog proves nothing`,
      )
    const margin = feedMarginMs(node.watchdog.effectiveMs)
    if (node.watchdog.effectiveMs > settings.timing.watchdogMs && margin >= settings.timing.leaseMs)
      warnings.push(
        `node ${node.name} reports a watchdog of ${seconds(node.watchdog.effectiveMs)}: if it cannot be set shorter, a lease of ${seconds(settings.timing.leaseMs)} never lets it feed`,
      )
  }
  return warnings
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>
}
