// Operator tokens: made (the secret is shown once), listed, revoked. Nobody hands out more than they have.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { roles, TokenCreate, TokenCreated } from '../../../shared/operator-api.ts'
import { refuse } from '../../intake/refusal.ts'
import { createToken } from '../../store/bootstrap.ts'
import { type Env, requireSiteAdmin, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { listTokens, revokeToken, type TokenRow } from '../records/tokens.ts'
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

const Row = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  cluster: z.string().nullable(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
}) satisfies z.ZodType<TokenRow>

const list = createRoute({
  method: 'get',
  path: '/tokens',
  summary: 'Operator tokens that reach this cluster, without their secrets',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster },
  responses: { 200: json(z.array(Row), 'tokens, newest first'), ...problems },
})

const create = createRoute({
  method: 'post',
  path: '/tokens',
  summary: 'Make an operator token; its secret is shown once',
  description: 'Without `cluster` it is for every cluster, which only an admin of all may ask for.',
  middleware: [role('admin')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(TokenCreate) },
  responses: {
    201: json(TokenCreated, 'made'),
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

const revoke = createRoute({
  method: 'delete',
  path: '/tokens/{id}',
  summary: 'End a token at once',
  middleware: [role('admin')] as const,
  request: { params: Params.id, query: WriteQuery },
  responses: { 204: { description: 'ended' }, 200: json(DryRunBody, 'dry run'), ...writeProblems },
})

/** Routes of operator tokens. */
export function tokenRoutes(deps: HttpDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(list, async (c) => {
    const everywhere = c.var.actor.cluster === null
    return c.json(await listTokens(deps.sql, c.var.cluster.id, everywhere), 200)
  })
  routes.openapi(create, async (c) => {
    const wish = c.req.valid('json')
    const { cluster } = c.var
    if (wish.cluster === undefined) requireSiteAdmin(c.var.actor)
    else if (wish.cluster !== cluster.name)
      accepted(
        refuse('invalid', `cluster must be ${cluster.name}, or left out for every cluster`, [
          { field: 'cluster', message: `must be ${cluster.name}` },
        ]),
      )
    const clusterId = wish.cluster === undefined ? null : cluster.id
    const detail = { name: wish.name, role: wish.role, cluster: wish.cluster ?? null }
    const done = await write(deps, c, { status: 201, detail }, async ({ tx }) => {
      const made = await createToken(tx.sql, { ...wish, clusterId }, deps.random)
      return shownUnlessDry(c.req.query('dryRun'), made)
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 201)
  })
  routes.openapi(revoke, async (c) => {
    const { id } = c.req.valid('param')
    const { actor } = c.var
    const done = await write(deps, c, { status: 204, detail: { token: id } }, async (w) => {
      // Whoever ends their own token locks themselves out, maybe everybody.
      if (id === actor.tokenId) accepted(refuse('own-token', 'this is the token you use now'))
      if (!(await revokeToken(w.tx.sql, w.clusterId, id, actor.cluster === null)))
        accepted(refuse('unknown-token', `no token ${id} here`))
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })
  return routes
}

/** A dry run's secret belongs to a token that is not kept: showing it would only mislead. */
export function shownUnlessDry<T extends { secret: string }>(dryRun: string | undefined, made: T) {
  return dryRun === undefined || dryRun === 'false' ? made : { ...made, secret: '' }
}
