// What an operator may set for a whole cluster.
import { z } from 'zod'
import { Scheduling } from './scheduling.ts'
import { Timing, profileNames, profiles, timingFaults } from './timing.ts'

export const quorumPolicies = {
  plane: 'the database is the quorum: whoever cannot commit grants nothing',
  majority: 'and more than half of the cluster’s nodes must report',
} as const

export const databaseKinds = {
  single: 'one server, no promotion',
  synchronous: 'only a standby that acknowledged everything may be promoted',
  'fenced-async': 'the old primary provably takes no commits once another is promoted',
} as const

/** What an agent does with its services when its machine is told to go down (reference 2.11). */
export const shutdownPolicies = {
  conditional: 'freeze on a reboot, fail over on a power-off',
  freeze: 'stop the services; they stay with their node',
  failover: 'stop the services; they start elsewhere if the node does not come back soon',
  migrate: 'move the services away first; they return when the node is back',
} as const
export type ShutdownPolicy = keyof typeof shutdownPolicies
export const shutdownPolicyNames = Object.keys(shutdownPolicies) as [ShutdownPolicy]

export const afterFencePolicies = {
  'leave-off': 'a person looks at it and switches it on',
  'power-on': 'its fence device switches it on again',
} as const
export const afterFenceNames = Object.keys(afterFencePolicies) as [keyof typeof afterFencePolicies]

export const Settings = z
  .strictObject({
    /** The profile `timing` came from; `custom` once a single value was set. */
    profile: z.enum([...profileNames, 'custom']).default('default'),
    timing: Timing.default(profiles.default),
    quorum: z.enum(['plane', 'majority']).default('plane'),
    database: z.enum(['single', 'synchronous', 'fenced-async']).default('single'),
    maxWorkers: z.number().int().min(1).max(64).default(4),
    /** `gentle`: stop the services when the lease runs out, and stay up. `reset`: leave it to the watchdog. */
    onLeaseLoss: z.enum(['gentle', 'reset']).default('gentle'),
    /** Count a watchdog inside a virtual machine as proof, although a hypervisor can freeze both together. */
    trustVirtualWatchdog: z.boolean().default(false),
    /** How long a node with a fence device may be silent before it is switched off; null: twice `silentMs`. */
    fenceDelayMs: z.number().int().min(1).max(86_400_000).nullable().default(null),
    /** What becomes of a node that its fence device has switched off, once that is on record. */
    afterFence: z.enum(afterFenceNames).default('leave-off'),
    shutdownPolicy: z.enum(shutdownPolicyNames).default('conditional'),
    scheduling: Scheduling.prefault({}),
    /** A watchdog whose last drill is longer ago is overdue for one; 0: never. */
    drillEveryDays: z.number().int().min(0).max(3_650).default(180),
  })
  .superRefine((settings, context) => {
    for (const fault of timingFaults(settings.timing))
      context.addIssue({ code: 'custom', path: ['timing'], message: fault })
    const fault = fenceDelayFault(settings)
    if (fault) context.addIssue({ code: 'custom', path: ['fenceDelayMs'], message: fault })
  })
export type Settings = z.infer<typeof Settings>

/** Why nodes cannot be switched off after so long a silence; null: they can. */
export function fenceDelayFault({
  fenceDelayMs: set,
  timing,
}: Pick<Settings, 'fenceDelayMs' | 'timing'>): string | null {
  if (set === null || set >= timing.silentMs) return null
  return `fenceDelayMs is ${set}, shorter than silentMs (${timing.silentMs}), after which a node counts as silent`
}

/** After how long a silence a node with a fence device is switched off, milliseconds. */
export function fenceDelayMs({
  fenceDelayMs: set,
  timing,
}: Pick<Settings, 'fenceDelayMs' | 'timing'>): number {
  return set ?? 2 * timing.silentMs
}
