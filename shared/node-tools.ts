// The wire of the tools on a node (`ha-agent vm stop 100`): what a node may ask of the plane with its own credential, beside
// the agent wire. Requests are strict; of an answer, what the tool does not use is let pass.
import { z } from 'zod'
import { NodeName } from './names.ts'

/** The longest that one request is held. */
export const longestToolWaitS = 30

/** `stop` kills at once, `shutdown` gives it time: the service's own, unless the request says how long. */
export const toolBodies = {
  start: z.strictObject({}),
  stop: z.strictObject({}),
  shutdown: z.strictObject({ timeoutMs: z.number().int().min(0).max(3_600_000).optional() }),
  restart: z.strictObject({}),
  migrate: z.strictObject({ node: NodeName }),
}
export type ToolOperation = keyof typeof toolBodies
export const toolOperations = Object.keys(toolBodies) as [ToolOperation, ...ToolOperation[]]

export const ToolQuery = z.strictObject({
  /** Hold the answer for so many seconds, unless the command is finished before. */
  wait: z.coerce.number().min(0).max(longestToolWaitS).optional(),
})

/** A command as its row is: accepted, carried out or not, and why. */
export const ToolCommand = z.object({
  uid: z.uuid(),
  kind: z.string(),
  sid: z.string().nullable(),
  node: z.string().nullable(),
  status: z.enum(['pending', 'running', 'done', 'failed', 'refused']),
  reason: z.string(),
})
export type ToolCommand = z.infer<typeof ToolCommand>

/** A service as `status` tells of it. */
export const ToolStatus = z.object({
  sid: z.string(),
  requested: z.string().nullable(),
  /** As people are told. */
  state: z.string(),
  /** As the CRM stores it; null: it has not seen the service yet. */
  crmState: z.string().nullable(),
  node: z.string().nullable(),
  target: z.string().nullable(),
  running: z.boolean(),
  note: z.string(),
})
export type ToolStatus = z.infer<typeof ToolStatus>

/** Codes of refusals that mean: the cluster does not manage this service, now or at all. */
export const notManagedCodes: readonly string[] = [
  'unknown-service',
  'service-ignored',
  'hands-off',
]
