// The words for nodes, shared by both sides.
import { z } from 'zod'

/** The CRM's judgement of a node. */
export const nodeStates = {
  online: 'renews its lease; may be given services',
  maintenance: 'renews its lease, but is being emptied at an operator’s request',
  unknown: 'silent, and may still be running its services',
  fence: 'its lease is revoked; waiting for evidence that it is dead',
  gone: 'no longer a member of the cluster',
} as const
export type NodeState = keyof typeof nodeStates

/** States of the local resource manager. */
export const lrmStates = [
  'wait_for_agent_lock',
  'active',
  'maintenance',
  'lost_agent_lock',
] as const
export type LrmState = (typeof lrmStates)[number]

/** What the agent is doing as a whole. `restart`: the agent is about to stop and its services are to be left running. */
export const agentModes = ['active', 'restart', 'shutdown', 'maintenance', 'disarm'] as const
export type AgentMode = (typeof agentModes)[number]

/**
 * How much a watchdog's silence proves.
 * `qualified`: magic close, resets the machine, effective timeout known by table or drill. `weak`: softdog and the like.
 * `simulated`: a supervisor process kills a virtual node's tree; evidence in development clusters only. `none`: cannot protect.
 */
export const watchdogClasses = ['qualified', 'weak', 'simulated', 'none'] as const
export type WatchdogClass = (typeof watchdogClasses)[number]

/** What an agent tells about its watchdog. `effectiveMs` is the W of the timing rules. */
export const WatchdogInfo = z.strictObject({
  class: z.enum(watchdogClasses),
  identity: z.string().max(200),
  effectiveMs: z.number().int().min(0),
  note: z.string().max(500).optional(),
  /** Of a virtual machine: the clock by which its agent sees that it was frozen together with its watchdog. */
  outsideClock: z.string().max(50).optional(),
})
export type WatchdogInfo = z.infer<typeof WatchdogInfo>

export const Capacity = z.strictObject({
  cpus: z.number().min(0),
  memoryBytes: z.number().int().min(0),
})
export type Capacity = z.infer<typeof Capacity>
