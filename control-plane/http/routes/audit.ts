// Who asked for which change, refused ones included. Read only.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { type Env, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { iso } from '../records/iso.ts'
import { json, limit, newRoutes, Params, problems } from '../routing.ts'

const Row = z.object({
  id: z.number(),
  at: z.string(),
  actor: z.string(),
  method: z.string(),
  path: z.string(),
  status: z.number(),
  detail: z.record(z.string(), z.unknown()),
})
type Row = Omit<z.infer<typeof Row>, 'at'> & { at: Date | string }

const list = createRoute({
  method: 'get',
  path: '/audit',
  summary: 'The newest writes with their actors, refused ones included',
  middleware: [role('admin')] as const,
  request: {
    params: Params.cluster,
    query: z.object({ before: z.coerce.number().int().min(1).optional(), limit: limit(1000, 100) }),
  },
  responses: {
    200: json(z.array(Row), 'newest first; `before` an id gives older ones'),
    ...problems,
  },
})

export function auditRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(list, async (c) => {
    const { before, limit } = c.req.valid('query')
    const rows = await deps.sql<Row[]>`
      select id::float8 as id, at, actor, method, path, status, detail from audit_log
      where cluster_id = ${c.var.cluster.id}
        and ${before === undefined ? deps.sql`true` : deps.sql`id < ${before}`}
      order by id desc limit ${limit}`
    return c.json(
      rows.map((row) => ({ ...row, at: iso(row.at) })),
      200,
    )
  })
  return routes
}
