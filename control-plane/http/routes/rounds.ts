// The decision journal: which rounds are stored, what one of them was given and decided, and whether it would be decided
// the same way today. Reads only.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { JSONValue } from 'hono/utils/types'
import { ReplayBody, RoundBody, RoundsBody } from '../../../shared/rounds.ts'
import { formatChange } from '../../cluster/change.ts'
import { replay } from '../../crm/replay.ts'
import { refuse } from '../../intake/refusal.ts'
import {
  countMissing,
  listRounds,
  loadRound,
  type StoredRound,
} from '../../store/journal/stored-rounds.ts'
import { type Env, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { HeavyWork } from '../heavy-work.ts'
import { iso } from '../records/iso.ts'
import { json, limit, newRoutes, Params, problems } from '../routing.ts'

const before = z.coerce.number().int().min(0).optional()
export const RoundParams = Params.cluster.extend({ round: z.coerce.number().int().min(0) })

const list = createRoute({
  method: 'get',
  path: '/rounds',
  summary: 'The rounds that changed something and are stored, newest first',
  request: { params: Params.cluster, query: z.object({ before, limit: limit(1000, 50) }) },
  responses: { 200: json(RoundsBody, 'rounds'), ...problems },
})

const show = createRoute({
  method: 'get',
  path: '/rounds/{round}',
  summary: 'What a round was given and what it decided',
  description: 'The whole view, specs of services included: it may be large.',
  middleware: [role('operator')] as const,
  request: { params: RoundParams },
  responses: { 200: json(RoundBody, 'the round'), ...problems },
})

const again = createRoute({
  method: 'get',
  path: '/rounds/{round}/replay',
  summary: 'Decide a stored round again, and compare',
  request: { params: RoundParams },
  responses: { 200: json(ReplayBody, 'the same, or what differs'), ...problems },
})

/** Routes of rounds. */
export function roundRoutes(deps: HttpDeps, heavy: HeavyWork): OpenAPIHono<Env> {
  const routes = newRoutes()

  routes.openapi(list, async (c) => {
    const { id } = c.var.cluster
    const { before, limit } = c.req.valid('query')
    const rows = await listRounds(deps.sql, id, before ?? null, limit)
    const [newest, oldest] = [rows[0]?.round, rows.at(-1)?.round]
    const missing =
      newest === undefined || oldest === undefined
        ? 0
        : await countMissing(deps.sql, id, oldest, newest)
    const rounds = rows.map((row) => ({ ...row, at: iso(row.at) }))
    return c.json({ rounds, missing }, 200)
  })

  routes.openapi(show, async (c) => {
    const { round } = c.req.valid('param')
    const { view, plan } = await storedRound(deps, c.var.cluster.id, round)
    const at = new Date(view.nowMs).toISOString()
    const lines = plan.changes.map(formatChange)
    // Both came from JSON, whatever their types allow besides.
    const [given, decided] = [view, plan] as unknown as Record<string, JSONValue>[]
    return c.json({ round, at, lines, view: given!, plan: decided! }, 200)
  })

  routes.openapi(again, async (c) => {
    const { round } = c.req.valid('param')
    const { view, plan } = await storedRound(deps, c.var.cluster.id, round)
    const compared = await heavy.once(() => replay(view, plan))
    return c.json({ round, ...compared }, 200)
  })
  return routes
}

/** The round as stored; a refusal that says what there is otherwise. */
export async function storedRound(
  deps: HttpDeps,
  clusterId: number,
  round: number,
): Promise<StoredRound> {
  const stored = await loadRound(deps.sql, clusterId, round)
  return accepted(
    stored ??
      refuse(
        'unknown-round',
        `round ${round} is not in the journal: it changed nothing, is too old, or was dropped (GET /rounds lists what there is)`,
      ),
  )
}
