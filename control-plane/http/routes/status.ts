// Status of a cluster: quorum, CRM, nodes, services, what is scheduled.
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { Status } from '../../../shared/operator-api.ts'
import { statusOf } from '../../cluster/status.ts'
import { loadView } from '../../store/load-view.ts'
import { assert } from '../../../shared/assert.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { loadSurroundings } from '../records/surroundings.ts'
import { json, newRoutes, Params, problems } from '../routing.ts'

const show = createRoute({
  method: 'get',
  path: '/status',
  summary: 'Quorum, CRM, nodes with lease countdown, services, scheduled jobs',
  request: { params: Params.cluster },
  responses: { 200: json(Status, 'the status now'), ...problems },
})

/** The status of one cluster. */
export async function clusterStatus(deps: HttpDeps, clusterId: number): Promise<Status> {
  const [view, around] = await Promise.all([
    loadView(deps.sql, clusterId),
    loadSurroundings(deps.sql, clusterId, deps.boss !== null),
  ])
  assert(view, 'clusters are never deleted')
  return statusOf(view, around)
}

export function statusRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(show, async (c) => c.json(await clusterStatus(deps, c.var.cluster.id), 200))
  return routes
}
