// A round, or the cluster as it is, to be shown to others: under other names, without anything that people wrote. Reads
// only.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { JSONValue } from 'hono/utils/types'
import { assert } from '../../../shared/assert.ts'
import { ScenarioBody } from '../../../shared/scenario.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { anonymise } from '../../crm/scenario/anonymise.ts'
import { scenarioText } from '../../crm/scenario/scenario-text.ts'
import { loadView } from '../../store/load-view.ts'
import type { Env } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import type { HeavyWork } from '../heavy-work.ts'
import { json, newRoutes, Params, problems } from '../routing.ts'
import { RoundParams, storedRound } from './rounds.ts'

const query = z.object({
  view: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'With the whole view, for replays by others. It may be large.' }),
})

const live = createRoute({
  method: 'get',
  path: '/scenario',
  summary: 'The cluster as it is, as an anonymous scenario',
  request: { params: Params.cluster, query },
  responses: { 200: json(ScenarioBody, 'the scenario'), ...problems },
})

const ofRound = createRoute({
  method: 'get',
  path: '/rounds/{round}/scenario',
  summary: 'A stored round as an anonymous scenario',
  request: { params: RoundParams, query },
  responses: { 200: json(ScenarioBody, 'the scenario'), ...problems },
})

/** Routes of scenarios. */
export function scenarioRoutes(deps: HttpDeps, heavy: HeavyWork): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(live, async (c) => {
    const view = await loadView(deps.sql, c.var.cluster.id)
    assert(view, 'clusters are never deleted')
    // As the next round would see it.
    const next = { ...view, round: view.round + 1 }
    return c.json(await scenarioOf(heavy, next, c.req.valid('query').view === 'true'), 200)
  })
  routes.openapi(ofRound, async (c) => {
    const { view } = await storedRound(deps, c.var.cluster.id, c.req.valid('param').round)
    return c.json(await scenarioOf(heavy, view, c.req.valid('query').view === 'true'), 200)
  })
  return routes
}

function scenarioOf(heavy: HeavyWork, view: ClusterView, withView: boolean) {
  return heavy.once(() => {
    const anonymous = anonymise(view)
    const whole = withView ? (anonymous as unknown as Record<string, JSONValue>) : null
    return { round: view.round, scenario: scenarioText(anonymous), view: whole }
  })
}
