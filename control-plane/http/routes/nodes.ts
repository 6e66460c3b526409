// Nodes: list, show, removal from the roster, and a person's word that one is dead.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { FenceConfirmBody, StatusNode } from '../../../shared/operator-api.ts'
import type { FenceConfirmed } from '../../fence/operator-confirm.ts'
import { knownNode, refuseFenceConfirm, refuseNodeRemoval } from '../../intake/node-wish.ts'
import { refuse } from '../../intake/refusal.ts'
import { type Env, requireRole, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
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
import { clusterStatus } from './status.ts'

const list = createRoute({
  method: 'get',
  path: '/nodes',
  summary: 'All nodes',
  request: { params: Params.cluster },
  responses: { 200: json(z.array(StatusNode), 'nodes by name'), ...problems },
})

const show = createRoute({
  method: 'get',
  path: '/nodes/{node}',
  summary: 'One node',
  request: { params: Params.node },
  responses: { 200: json(StatusNode, 'the node'), ...problems },
})

const remove = createRoute({
  method: 'delete',
  path: '/nodes/{node}',
  summary: 'Take a node off the roster; refused while anything may run on it',
  middleware: [role('admin')] as const,
  request: { params: Params.node, query: WriteQuery },
  responses: {
    204: { description: 'removed' },
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

const FenceAnswer = z.object({
  node: z.string(),
  epochs: z.array(z.number()),
  closed: z.array(z.object({ sid: z.string(), generation: z.number() })),
}) satisfies z.ZodType<FenceConfirmed>

const confirm = createRoute({
  method: 'post',
  path: '/nodes/{node}/fence-confirm',
  summary: 'Vouch that a node is dead: its services start elsewhere',
  description:
    'Evidence of kind operator. If the machine is not dead its services run twice. Before the fence deadline only with `force`, which needs the role admin.',
  middleware: [role('operator')] as const,
  request: { params: Params.node, query: WriteQuery, body: body(FenceConfirmBody) },
  responses: {
    200: json(z.union([FenceAnswer, DryRunBody]), 'recorded, or dry run'),
    ...writeProblems,
  },
})

/** Routes of nodes. */
export function nodeRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()

  routes.openapi(list, async (c) => {
    const status = await clusterStatus(deps, c.var.cluster.id)
    return c.json(status.nodes, 200)
  })

  routes.openapi(show, async (c) => {
    const { node } = c.req.valid('param')
    const status = await clusterStatus(deps, c.var.cluster.id)
    const found = status.nodes.find(({ name }) => name === node)
    return c.json(accepted(found ?? refuse('unknown-node', `no node ${node} in this cluster`)), 200)
  })

  routes.openapi(remove, async (c) => {
    const { node } = c.req.valid('param')
    const done = await write(deps, c, { status: 204, detail: { node } }, async (w) => {
      accepted(refuseNodeRemoval(w.view, node))
      const { uid } = accepted(knownNode(w.view, node))
      accepted(await w.tx.removeNode(w.clusterId, uid, node))
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })

  routes.openapi(confirm, async (c) => {
    const { node } = c.req.valid('param')
    const wish = c.req.valid('json')
    if (wish.force) requireRole(c.var.actor, 'admin')
    const detail = { node, force: wish.force, evidence: 'operator' }
    const done = await write(deps, c, { status: 200, detail }, async (w) => {
      accepted(refuseFenceConfirm(w.view, node, wish))
      const confirmed = await w.tx.confirmDead({
        clusterId: w.clusterId,
        node,
        actor: w.actor,
        force: wish.force,
        silentMs: w.view.settings.timing.silentMs,
      })
      return accepted(confirmed)
    })
    return c.json(done, 200)
  })
  return routes
}
