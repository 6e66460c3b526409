// How the CRM weighs nodes, and when it moves services only to balance the load (cluster resource scheduling).
import { z } from 'zod'
import { ServiceId } from './names.ts'

export const schedulingModes = {
  basic: 'counts services',
  static: 'weighs the CPUs and memory that services are configured with',
  dynamic: 'weighs the CPU time and memory that nodes and services really use',
} as const

/** One round of the reference, in which its hold duration is counted. */
export const nominalRoundMs = 10_000

const keys = {
  mode: z.enum(['basic', 'static', 'dynamic']),
  /** Choose the best node when a service goes from stopped to started, instead of the one it was on. */
  rebalanceOnStart: z.boolean(),
  /** Move services when the imbalance stays too high; needs mode static or dynamic. */
  autoRebalance: z.boolean(),
  method: z.enum(['bruteforce', 'topsis']),
  /** Imbalance that must be exceeded: the coefficient of variation of the nodes' loads. */
  threshold: z.number().min(0),
  /** For how many nominal rounds it must be exceeded before anything is moved; 0 and 1: at once. */
  holdRounds: z.number().min(0).max(100_000),
  /** The least relative improvement a move must bring. */
  margin: z.number().min(0),
}

export const Scheduling = z.strictObject({
  mode: keys.mode.default('basic'),
  rebalanceOnStart: keys.rebalanceOnStart.default(false),
  autoRebalance: keys.autoRebalance.default(false),
  method: keys.method.default('bruteforce'),
  threshold: keys.threshold.default(0.3),
  holdRounds: keys.holdRounds.default(3),
  margin: keys.margin.default(0.1),
})
export type Scheduling = z.infer<typeof Scheduling>

/** What is named changes, the rest stays: no key has a default here. */
export const SchedulingUpdate = z.strictObject(keys).partial()

/** What a service is configured with, or uses. `cpus` 0: as many as its node has. */
export const Figures = z.strictObject({
  cpus: z.number().min(0).max(100_000),
  memoryBytes: z.number().int().min(0),
})
export type Figures = z.infer<typeof Figures>

/** What a node and the services on it use, as measured over the last seconds. For scheduling; no renewal depends on it. */
export const NodeUsage = z.strictObject({
  node: Figures,
  /** Each service once; of one that has just been started there is nothing to tell yet. */
  services: z.array(z.strictObject({ sid: ServiceId, ...Figures.shape })).max(10_000),
})
export type NodeUsage = z.infer<typeof NodeUsage>
