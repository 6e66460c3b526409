// what-if: where everything would go. The CRM's own decision on the view as it is now, played forward with agents that
// obey. Nothing is written and nothing is locked: the reducer alone makes what would follow.
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { assert } from '../../../shared/assert.ts'
import { WhatIf, WhatIfBody } from '../../../shared/what-if.ts'
import { foresee } from '../../crm/what-if/foresee.ts'
import { predict } from '../../crm/what-if/prediction.ts'
import { type Hypothesis, nothing } from '../../crm/what-if/suppose.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { refuseHypothesis } from '../../intake/what-if-wish.ts'
import { loadView } from '../../store/load-view.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { HeavyWork } from '../heavy-work.ts'
import { body, json, newRoutes, Params, problems } from '../routing.ts'

const ask = createRoute({
  method: 'post',
  path: '/what-if',
  summary:
    'Where each service would go, what would fit nowhere and why, and how long it would take',
  description:
    'Plays the decision of the CRM forward on the cluster as it is now. Agents are taken to obey at once; nothing is written. What is planned (`maintenance`, `back`, `services`) comes to rest first, then what is lost (`down`).',
  request: { params: Params.cluster, body: body(WhatIf) },
  responses: { 200: json(WhatIfBody, 'what would happen'), ...problems },
})

/** Routes of what-if. */
export function whatIfRoutes(deps: HttpDeps, heavy: HeavyWork): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(ask, async (c) => {
    const supposed = c.req.valid('json')
    const view = await loadView(deps.sql, c.var.cluster.id)
    assert(view, 'clusters are never deleted')
    accepted(refuseHypothesis(view, supposed))
    return c.json(await heavy.run(answer(view, supposed)), 200)
  })
  return routes
}

/** What is under way already is played too, and told from what the hypothesis does. */
function* answer(
  view: ClusterView,
  supposed: Hypothesis,
): Generator<undefined, WhatIfBody, undefined> {
  const foreseen = yield* foresee(view, supposed)
  const anyway = yield* foresee(view, nothing)
  return predict(foreseen, anyway)
}
