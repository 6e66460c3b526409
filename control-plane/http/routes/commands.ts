// Commands: what was asked for and how it ended (D5). Read only; they are queued by operations.ts.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { ClusterName, ServiceId } from '../../../shared/names.ts'
import { CommandBody } from '../../../shared/operator-api.ts'
import { refuse } from '../../intake/refusal.ts'
import type { Env } from '../auth.ts'
import { awaitCommand, waitSeconds } from '../command-wait.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { json, limit, newRoutes, Params, problems, WaitQuery } from '../routing.ts'

const list = createRoute({
  method: 'get',
  path: '/commands',
  summary: 'Commands, newest first',
  request: {
    params: Params.cluster,
    query: z.object({
      sid: ServiceId.optional(),
      open: z.enum(['true', 'false']).optional(),
      limit: limit(1000, 50),
    }),
  },
  responses: { 200: json(z.array(CommandBody), 'commands'), ...problems },
})

const show = createRoute({
  method: 'get',
  path: '/commands/{uid}',
  summary: 'One command; with `wait` once it is finished',
  request: {
    params: z.object({ cluster: ClusterName, uid: z.uuid() }),
    query: WaitQuery.omit({ dryRun: true }),
  },
  responses: { 200: json(CommandBody, 'the command'), ...problems },
})

export function commandRoutes(deps: OperatorDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(list, async (c) => {
    const { sid, open, limit } = c.req.valid('query')
    const filter = { sid: sid ?? null, open: open === 'true', limit }
    return c.json(await deps.store.rows.listCommands(c.var.cluster.id, filter), 200)
  })
  routes.openapi(show, async (c) => {
    const { uid } = c.req.valid('param')
    const { id } = c.var.cluster
    const found = accepted(
      (await deps.store.rows.findCommand(id, uid)) ??
        refuse('unknown-command', `no command ${uid}`),
    )
    const { signal } = c.req.raw
    return c.json(await awaitCommand(deps, feed, id, found, waitSeconds(c), signal), 200)
  })
  return routes
}
