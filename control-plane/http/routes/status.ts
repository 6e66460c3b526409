// Status of a cluster: quorum, CRM, nodes, services, what is scheduled.
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { Status } from '../../../shared/operator-api.ts'
import { statusOf } from '../../cluster/status.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { nMinusOne } from '../../crm/what-if/n-minus-one.ts'
import { assert } from '../../../shared/assert.ts'
import type { Env } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { json, newRoutes, Params, problems } from '../routing.ts'

const show = createRoute({
  method: 'get',
  path: '/status',
  summary: 'Quorum, CRM, nodes with lease countdown, services, scheduled jobs',
  request: { params: Params.cluster },
  responses: { 200: json(Status, 'the status now'), ...problems },
})

/** The status of one cluster. */
export async function clusterStatus(deps: OperatorDeps, clusterId: number): Promise<Status> {
  const [view, around] = await Promise.all([
    deps.store.rows.loadView(clusterId),
    deps.store.rows.loadSurroundings(clusterId),
  ])
  assert(view, 'clusters are never deleted')
  return statusOf(view, around, tableOf(deps, view))
}

type Table = { round: number; madeMs: number; table: Status['nMinusOne'] }

/** Many may watch one cluster: its table is made once for a round, and anew after a second whatever the round. */
const tables = new WeakMap<OperatorDeps, Map<number, Table>>()
const freshMs = 1_000

function tableOf(deps: OperatorDeps, view: ClusterView): Status['nMinusOne'] {
  const ofReplica = tables.get(deps) ?? new Map<number, Table>()
  tables.set(deps, ofReplica)
  const nowMs = deps.clock.quickMs()
  const known = ofReplica.get(view.cluster.id)
  if (known?.round === view.round && nowMs - known.madeMs < freshMs) return known.table
  const table = nMinusOne(view)
  ofReplica.set(view.cluster.id, { round: view.round, madeMs: nowMs, table })
  return table
}

export function statusRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(show, async (c) => c.json(await clusterStatus(deps, c.var.cluster.id), 200))
  return routes
}
