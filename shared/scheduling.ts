// How the CRM weighs nodes, and when it moves services only to balance the load (cluster resource scheduling).
import { z } from 'zod'

export const schedulingModes = {
  basic: 'counts services',
  static: 'weighs the CPUs and memory that services are configured with',
  dynamic: 'weighs the CPU time and memory that nodes and services really use',
} as const

/** One round of the reference, in which its hold duration is counted. */
export const nominalRoundMs = 10_000

export const Scheduling = z.strictObject({
  mode: z.enum(['basic', 'static', 'dynamic']).default('basic'),
  /** Choose the best node when a service goes from stopped to started, instead of the one it was on. */
  rebalanceOnStart: z.boolean().default(false),
  /** Move services when the imbalance stays too high; needs mode static or dynamic. */
  autoRebalance: z.boolean().default(false),
  method: z.enum(['bruteforce', 'topsis']).default('bruteforce'),
  /** Imbalance that must be exceeded: the coefficient of variation of the nodes' loads. */
  threshold: z.number().min(0).default(0.3),
  /** For how many nominal rounds it must be exceeded before anything is moved; 0 and 1: at once. */
  holdRounds: z.number().min(0).max(100_000).default(3),
  /** The least relative improvement a move must bring. */
  margin: z.number().min(0).default(0.1),
})
export type Scheduling = z.infer<typeof Scheduling>

/** What a service is configured with, or uses. `cpus` 0: as many as its node has. */
export const Figures = z.strictObject({
  cpus: z.number().min(0).max(100_000),
  memoryBytes: z.number().int().min(0),
})
export type Figures = z.infer<typeof Figures>
