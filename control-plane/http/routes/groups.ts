// Groups of nodes (D3): list, add, show, change, delete. What would leave a service without any node is refused (D14).
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { GroupBody, GroupCreate, GroupUpdate } from '../../../shared/operator-api.ts'
import {
  refuseGroupCreate,
  refuseGroupDelete,
  refuseGroupUpdate,
  unknownGroup,
} from '../../intake/group-wish.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { checkIfMatch, etag } from '../if-match.ts'
import type { Group } from '../records/groups.ts'
import {
  body,
  DryRunBody,
  IfMatch,
  json,
  newRoutes,
  Params,
  problems,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { write } from '../write.ts'

const list = createRoute({
  method: 'get',
  path: '/groups',
  summary: 'All groups',
  request: { params: Params.cluster },
  responses: { 200: json(z.array(GroupBody), 'groups by name'), ...problems },
})

const add = createRoute({
  method: 'post',
  path: '/groups',
  summary: 'Add a group',
  middleware: [role('operator')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(GroupCreate) },
  responses: { 201: json(GroupBody, 'added'), 200: json(DryRunBody, 'dry run'), ...writeProblems },
})

const show = createRoute({
  method: 'get',
  path: '/groups/{group}',
  summary: 'One group',
  request: { params: Params.group },
  responses: { 200: json(GroupBody, 'the group'), ...problems },
})

const change = createRoute({
  method: 'patch',
  path: '/groups/{group}',
  summary: 'Change a group',
  middleware: [role('operator')] as const,
  request: { params: Params.group, query: WriteQuery, headers: IfMatch, body: body(GroupUpdate) },
  responses: {
    200: json(z.union([GroupBody, DryRunBody]), 'changed, or dry run'),
    ...writeProblems,
  },
})

const remove = createRoute({
  method: 'delete',
  path: '/groups/{group}',
  summary: 'Delete a group that no service is in',
  middleware: [role('operator')] as const,
  request: { params: Params.group, query: WriteQuery, headers: IfMatch },
  responses: {
    204: { description: 'deleted' },
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

/** Routes of groups. */
export function groupRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()

  routes.openapi(list, async (c) => c.json(await deps.store.rows.listGroups(c.var.cluster.id), 200))

  routes.openapi(add, async (c) => {
    const wish = c.req.valid('json')
    const detail = { group: wish.name, nodes: Object.keys(wish.nodes) }
    const done = await write(deps, c, { status: 201, detail }, async ({ tx, view, clusterId }) => {
      accepted(refuseGroupCreate(view, wish))
      return tx.insertGroup(clusterId, wish)
    })
    if ('dryRun' in done) return c.json(done, 200)
    return c.json(done, 201, { etag: etag(done.version) })
  })

  routes.openapi(show, async (c) => {
    const { group } = c.req.valid('param')
    const found = await deps.store.rows.findGroup(c.var.cluster.id, group)
    const row = accepted(found ?? unknownGroup(group))
    return c.json(row, 200, { etag: etag(row.version) })
  })

  routes.openapi(change, async (c) => {
    const { group } = c.req.valid('param')
    const wish = c.req.valid('json')
    const detail = { group, fields: Object.keys(wish) }
    const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
      const now = accepted((await tx.findGroup(clusterId, group)) ?? unknownGroup(group))
      checkIfMatch(c, now.version)
      const next: Group = {
        name: group,
        nodes: wish.nodes ?? now.nodes,
        restricted: wish.restricted ?? now.restricted,
        nofailback: wish.nofailback ?? now.nofailback,
        comment: wish.comment ?? now.comment,
      }
      accepted(refuseGroupUpdate(view, next))
      return tx.updateGroup(clusterId, next)
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 200, { etag: etag(done.version) })
  })

  routes.openapi(remove, async (c) => {
    const { group } = c.req.valid('param')
    const done = await write(deps, c, { status: 204, detail: { group } }, async (w) => {
      accepted(refuseGroupDelete(w.view, group))
      const now = accepted((await w.tx.findGroup(w.clusterId, group)) ?? unknownGroup(group))
      checkIfMatch(c, now.version)
      await w.tx.deleteGroup(w.clusterId, group)
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })
  return routes
}
