// A placement explained: where the CRM would put a service now, and what it holds against every other node. Reads only.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { assert } from '../../../shared/assert.ts'
import { PlacementBody, placementPreferences } from '../../../shared/placement.ts'
import { explainPlacement } from '../../crm/decide/placement-explained.ts'
import { refuse } from '../../intake/refusal.ts'
import { loadView } from '../../store/load-view.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { json, newRoutes, Params, problems } from '../routing.ts'

const preference = z.enum(placementPreferences).optional().openapi({
  description:
    'How the CRM would ask: `stay` for a service that has a node (usual), `try-next` after a failed start, `best-score` for one that has lost its node (usual then).',
})

const explain = createRoute({
  method: 'get',
  path: '/services/{sid}/placement',
  summary: 'Where a service would be placed now, and why not elsewhere',
  request: { params: Params.sid, query: z.object({ preference }) },
  responses: { 200: json(PlacementBody, 'every node, by name'), ...problems },
})

/** Routes of placements. */
export function placementRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(explain, async (c) => {
    const { sid } = c.req.valid('param')
    const view = await loadView(deps.sql, c.var.cluster.id)
    assert(view, 'clusters are never deleted')
    const service = Object.hasOwn(view.services, sid) ? view.services[sid] : undefined
    const { status } = accepted(service ?? refuse('unknown-service', `no service ${sid}`))
    const usual = status?.state === 'recovery' ? 'best-score' : 'stay'
    const told = explainPlacement(view, sid, c.req.valid('query').preference ?? usual)
    return c.json(PlacementBody.parse(told), 200)
  })
  return routes
}
