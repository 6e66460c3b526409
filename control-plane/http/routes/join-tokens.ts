// Join tokens: with one, a machine becomes a node. Made (the secret is shown once), listed, revoked.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { JoinTokenCreate, TokenCreated } from '../../../shared/operator-api.ts'
import { refuse } from '../../intake/refusal.ts'
import { createJoinToken } from '../../store/bootstrap.ts'
import { type Env, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { type JoinTokenRow, listJoinTokens, revokeJoinToken } from '../records/tokens.ts'
import {
  body,
  DryRunBody,
  json,
  newRoutes,
  Params,
  problems,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { write } from '../write.ts'
import { shownUnlessDry } from './tokens.ts'

const Row = z.object({
  id: z.string(),
  node: z.string().nullable(),
  usesLeft: z.number(),
  createdBy: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  revokedAt: z.string().nullable(),
}) satisfies z.ZodType<JoinTokenRow>

const list = createRoute({
  method: 'get',
  path: '/join-tokens',
  summary: 'Join tokens of this cluster, without their secrets',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster },
  responses: { 200: json(z.array(Row), 'join tokens, newest first'), ...problems },
})

const create = createRoute({
  method: 'post',
  path: '/join-tokens',
  summary: 'Make a join token; its secret is shown once',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(JoinTokenCreate) },
  responses: {
    201: json(TokenCreated, 'made'),
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

const revoke = createRoute({
  method: 'delete',
  path: '/join-tokens/{id}',
  summary: 'End a join token at once; nodes that joined with it stay',
  middleware: [role('admin')] as const,
  request: { params: Params.id, query: WriteQuery },
  responses: { 204: { description: 'ended' }, 200: json(DryRunBody, 'dry run'), ...writeProblems },
})

/** Routes of join tokens. */
export function joinTokenRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(list, async (c) => c.json(await listJoinTokens(deps.sql, c.var.cluster.id), 200))
  routes.openapi(create, async (c) => {
    const wish = c.req.valid('json')
    const detail = { node: wish.node ?? null, uses: wish.uses, ttlSeconds: wish.ttlSeconds }
    const done = await write(deps, c, { status: 201, detail }, async ({ tx, clusterId, actor }) => {
      const made = await createJoinToken(
        tx.sql,
        { ...wish, clusterId, createdBy: actor },
        deps.random,
      )
      return shownUnlessDry(c.req.query('dryRun'), made)
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 201)
  })
  routes.openapi(revoke, async (c) => {
    const { id } = c.req.valid('param')
    const done = await write(deps, c, { status: 204, detail: { joinToken: id } }, async (w) => {
      if (!(await revokeJoinToken(w.tx.sql, w.clusterId, id)))
        accepted(refuse('unknown-token', `no join token ${id} here`))
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })
  return routes
}
