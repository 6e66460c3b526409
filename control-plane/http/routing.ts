// How a route of the operator API is declared: a group of routes, its common parameters and its error answers.
import { OpenAPIHono, z } from '@hono/zod-openapi'
import { ClusterName, NodeName, ServiceId } from '../../shared/names.ts'
import { Problem } from '../../shared/operator-api.ts'
import type { Env } from './auth.ts'
import { throwInvalid } from './errors.ts'
import { longestWaitS } from './command-wait.ts'

export const Params = {
  cluster: z.object({ cluster: ClusterName }),
  sid: z.object({ cluster: ClusterName, sid: ServiceId }),
  node: z.object({ cluster: ClusterName, node: NodeName }),
  device: z.object({ cluster: ClusterName, node: NodeName, device: z.string().max(100) }),
  group: z.object({ cluster: ClusterName, group: z.string().max(100) }),
  rule: z.object({ cluster: ClusterName, rule: z.string().max(100) }),
  member: z.object({ cluster: ClusterName, rule: z.string().max(100), sid: ServiceId }),
  id: z.object({ cluster: ClusterName, id: z.uuid() }),
}

const dryRun = z
  .enum(['true', 'false'])
  .optional()
  .openapi({ description: 'Say what would happen, and change nothing.' })

export const WriteQuery = z.object({ dryRun })
export const WaitQuery = z.object({
  dryRun,
  wait: z.coerce
    .number({ error: 'must be a number of seconds' })
    .min(0)
    .max(longestWaitS)
    .optional()
    .openapi({ description: `Hold the answer for up to so many seconds until it is finished.` }),
})
export const PurgeQuery = WaitQuery.extend({
  purge: z
    .enum(['true', 'false'])
    .default('true')
    .openapi({ description: 'Take the service out of the rules, too; usual.' }),
})
export const IfMatch = z.object({
  'if-match': z.string().optional().openapi({ description: 'The version you saw, as in ETag.' }),
})

/** What `?dryRun=true` answers. */
export const DryRunBody = z
  .object({
    dryRun: z.literal(true),
    would: z.object({ status: z.number(), body: z.unknown() }),
    changes: z.array(z.string()),
    waits: z.record(z.string(), z.string()),
  })
  .openapi('DryRun')

/** A group of routes; bodies that a schema refuses become problems. */
export function newRoutes(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({ defaultHook: (result) => throwInvalid(result as never) })
}

/** A JSON answer. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } }
}

/** A JSON body that must be there: without `required` an absent one passes unchecked. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true as const, content: { 'application/json': { schema } } }
}

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
})

/** Error answers that every route may give. */
export const problems = {
  401: problem('no valid token'),
  403: problem('the token does not reach so far'),
  404: problem('no such thing'),
  422: problem('the request is not valid; `errors` names the fields'),
}

/** And those of writes. */
export const writeProblems = {
  ...problems,
  409: problem('refused as things stand; `code` and `detail` say why'),
  412: problem('someone changed it meanwhile'),
}

export const limit = (most: number, usual: number) =>
  z.coerce.number().int().min(1).max(most).default(usual)
