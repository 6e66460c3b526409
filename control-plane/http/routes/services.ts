// Services as configured: list, add, show, change, remove. What is to be done with one now: operations.ts.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  RemovedBody,
  ServiceConfigBody,
  ServiceCreate,
  ServiceUpdate,
  StatusService,
} from '../../../shared/operator-api.ts'
import { serviceStatus } from '../../cluster/status.ts'
import { refuse } from '../../intake/refusal.ts'
import {
  refuseServiceCreate,
  refuseServiceUpdate,
  withJudgedSpec,
} from '../../intake/service-wish.ts'
import { loadView } from '../../store/load-view.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { checkIfMatch, etag } from '../if-match.ts'
import {
  body,
  DryRunBody,
  IfMatch,
  json,
  newRoutes,
  Params,
  problems,
  PurgeQuery,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { write } from '../write.ts'
import { removeService } from './remove-service.ts'

const Shown = ServiceConfigBody.extend({ status: StatusService.nullable() })

const list = createRoute({
  method: 'get',
  path: '/services',
  summary: 'All services with configuration and status',
  request: { params: Params.cluster },
  responses: { 200: json(z.array(Shown), 'services by sid'), ...problems },
})

const add = createRoute({
  method: 'post',
  path: '/services',
  summary: 'Add a service',
  middleware: [role('operator')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(ServiceCreate) },
  responses: {
    201: json(ServiceConfigBody, 'added'),
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

const show = createRoute({
  method: 'get',
  path: '/services/{sid}',
  summary: 'One service with configuration and status',
  request: { params: Params.sid },
  responses: { 200: json(Shown, 'the service'), ...problems },
})

const change = createRoute({
  method: 'patch',
  path: '/services/{sid}',
  summary: 'Change the configuration of a service',
  middleware: [role('operator')] as const,
  request: {
    params: Params.sid,
    query: WriteQuery,
    headers: IfMatch,
    body: body(ServiceUpdate),
  },
  responses: {
    200: json(z.union([ServiceConfigBody, DryRunBody]), 'changed, or dry run'),
    ...writeProblems,
  },
})

const remove = createRoute({
  method: 'delete',
  path: '/services/{sid}',
  summary: 'Stop managing a service',
  description:
    'It is left as it is; its grant stays until evidence closes it. Rules that name it lose it, unless `purge=false`.',
  middleware: [role('operator')] as const,
  request: { params: Params.sid, query: PurgeQuery },
  responses: {
    200: json(z.union([RemovedBody, DryRunBody]), 'finished while waiting, or dry run'),
    202: json(RemovedBody, 'accepted'),
    ...writeProblems,
  },
})

/** Routes of configured services. */
export function serviceRoutes(deps: OperatorDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()

  routes.openapi(list, async (c) => {
    const { id } = c.var.cluster
    const [rows, view] = await Promise.all([
      deps.store.rows.listServices(id),
      deps.store.rows.loadView(id),
    ])
    return c.json(
      rows.map((row) => ({ ...row, status: shown(view, row.sid) })),
      200,
    )
  })

  routes.openapi(add, async (c) => {
    const wish = c.req.valid('json')
    const detail = { sid: wish.sid, fields: Object.keys(wish) }
    const done = await write(deps, c, { status: 201, detail }, async ({ tx, view, clusterId }) => {
      accepted(refuseServiceCreate(view, wish))
      return tx.insertService(clusterId, wish)
    })
    if ('dryRun' in done) return c.json(done, 200)
    return c.json(done, 201, { etag: etag(done.version) })
  })

  routes.openapi(show, async (c) => {
    const { sid } = c.req.valid('param')
    const { id } = c.var.cluster
    const [row, view] = await Promise.all([
      deps.store.rows.findService(id, sid),
      deps.store.rows.loadView(id),
    ])
    const found = accepted(row ?? refuse('unknown-service', `no service ${sid} in this cluster`))
    return c.json({ ...found, status: shown(view, sid) }, 200, { etag: etag(found.version) })
  })

  routes.openapi(change, async (c) => {
    const { sid } = c.req.valid('param')
    const wish = accepted(withJudgedSpec(sid, c.req.valid('json')))
    const detail = { sid, fields: Object.keys(wish) }
    const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
      accepted(refuseServiceUpdate(view, sid, wish))
      const now = accepted(
        (await tx.findService(clusterId, sid)) ??
          refuse('unknown-service', `no service ${sid} in this cluster`),
      )
      checkIfMatch(c, now.version)
      return tx.updateService(clusterId, now, wish)
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 200, { etag: etag(done.version) })
  })

  routes.openapi(remove, (c) =>
    removeService(deps, feed, c, c.req.valid('param').sid, c.req.valid('query').purge === 'true'),
  )
  return routes
}

function shown(view: Awaited<ReturnType<typeof loadView>>, sid: string) {
  const service = view?.services[sid]
  return service ? serviceStatus(view, service) : null
}
