// What an agent tells of its machine beside its services: how its last boot or process ended, how late its own loop was,
// and what the last drill of its watchdog found. For people and for drills; no grant, fence or lease rests on it.
import { z } from 'zod'

const count = z.number().int().min(0)
/** Milliseconds since 1970 by the node's own wall clock. */
const wallMs = z.number().int()

/**
 * `watchdog-reset`: the device says that it ended the boot before. `crashed`: that boot was not shut down, and no device
 * says that it did it. `shut-down`: the agent had left before its machine went down. `agent-died`: the same boot, and the
 * process before this one neither left nor said why.
 */
export const endKinds = ['watchdog-reset', 'crashed', 'shut-down', 'agent-died'] as const

export const LastEnd = z.strictObject({
  /** An end is told of again and again, and counts once. */
  uid: z.string().min(1).max(250),
  kind: z.enum(endKinds),
  /** One sentence, for people. */
  why: z.string().min(1).max(500),
  /** `bootstatus` as the kernel gives it for this boot (32: CARDRESET); null: the device keeps none. */
  bootStatus: count.nullable(),
})
export type LastEnd = z.infer<typeof LastEnd>

/** Upper bounds of the classes in which late decisions are counted; one more class is for what was later still. */
export const stallBoundsMs = [10, 25, 50, 100, 250, 500, 1_000, 2_500] as const

/** How late the agent's decisions came, and with them its feeds, in about the last hour. */
export const Stalls = z.strictObject({
  worstMs: z.number().min(0),
  /** How long ago the worst one was, when this was said. */
  worstAgoMs: z.number().min(0),
  counts: z.array(count).length(stallBoundsMs.length + 1),
})
export type Stalls = z.infer<typeof Stalls>

/**
 * `fired`: the machine was reset and its device says that it did it. `unproved`: it was reset, and the device does not say
 * so. `did-not-fire`: it was left unfed for four times its timeout and nothing happened. `not-armed`: it could not begin.
 */
export const drillOutcomes = ['fired', 'unproved', 'did-not-fire', 'not-armed'] as const

/** Of the last drill. How its bounds are found: agent/drill/judge-drill.ts. */
export const DrillResult = z.strictObject({
  /** Of the command that asked for it. */
  uid: z.string().min(1).max(100),
  outcome: z.enum(drillOutcomes),
  /** When it ended. */
  atMs: wallMs,
  /** Of the device. */
  identity: z.string().max(200),
  /** The timeout that was set. */
  configuredMs: count,
  /** The machine lived at least and at most so long after its last feed; null: not known. */
  livedAtLeastMs: count.nullable(),
  livedAtMostMs: count.nullable(),
  /** W as it is used from now on, for that timeout. */
  effectiveMs: count,
  /** From the reset until it had its lease again. */
  awayMs: count.nullable(),
  bootStatus: count.nullable(),
  detail: z.string().max(500),
})
export type DrillResult = z.infer<typeof DrillResult>

export const NodeHealth = z.strictObject({
  lastEnd: LastEnd.nullable(),
  stalls: Stalls.nullable(),
  drill: DrillResult.nullable(),
})
export type NodeHealth = z.infer<typeof NodeHealth>

/** Bits of `bootstatus` (linux/watchdog.h). */
const bootFlags: [number, string][] = [
  [1, 'OVERHEAT'],
  [2, 'FANFAULT'],
  [4, 'EXTERN1'],
  [8, 'EXTERN2'],
  [16, 'POWERUNDER'],
  [32, 'CARDRESET'],
  [64, 'POWEROVER'],
]
export const cardReset = 32

/** `bootstatus 32 (CARDRESET)`. */
export function bootStatusText(status: number | null): string {
  if (status === null) return 'no bootstatus'
  const names = bootFlags.filter(([bit]) => (status & bit) !== 0).map(([, name]) => name)
  return `bootstatus ${status}${names.length > 0 ? ` (${names.join(' ')})` : ''}`
}

/** A stall longer than this share of W is too long: the feed comes four times within W. */
export const stallShare = 0.25
