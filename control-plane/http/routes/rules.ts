// Rules: list, add, show, change, delete. A write that would make any rule infeasible is refused, naming the rules (D14).
// Members and the switch of a rule have addresses of their own: rule-members.ts.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { RuleBody, RuleCreate, RuleQuery, RuleUpdate } from '../../../shared/operator-api.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { refuse } from '../../intake/refusal.ts'
import { changedRule } from '../../intake/rule-update.ts'
import * as judge from '../../intake/rule-wish.ts'
import { assert } from '../../../shared/assert.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { checkIfMatch, etag } from '../if-match.ts'
import type { StoredRule } from '../records/rules.ts'
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
import type { OperatorRows } from '../operator-store.ts'
import { ruleBodies } from '../rule-body.ts'
import { write } from '../write.ts'

const list = createRoute({
  method: 'get',
  path: '/rules',
  summary: 'All rules, each with whether it counts or is ignored because of conflicts',
  request: { params: Params.cluster, query: RuleQuery },
  responses: { 200: json(z.array(RuleBody), 'rules in their order'), ...problems },
})

const add = createRoute({
  method: 'post',
  path: '/rules',
  summary: 'Add a rule',
  middleware: [role('operator')] as const,
  request: { params: Params.cluster, query: WriteQuery, body: body(RuleCreate) },
  responses: { 201: json(RuleBody, 'added'), 200: json(DryRunBody, 'dry run'), ...writeProblems },
})

const show = createRoute({
  method: 'get',
  path: '/rules/{rule}',
  summary: 'One rule',
  request: { params: Params.rule },
  responses: { 200: json(RuleBody, 'the rule'), ...problems },
})

const change = createRoute({
  method: 'patch',
  path: '/rules/{rule}',
  summary: 'Change a rule',
  middleware: [role('operator')] as const,
  request: { params: Params.rule, query: WriteQuery, headers: IfMatch, body: body(RuleUpdate) },
  responses: {
    200: json(z.union([RuleBody, DryRunBody]), 'changed, or dry run'),
    ...writeProblems,
  },
})

const remove = createRoute({
  method: 'delete',
  path: '/rules/{rule}',
  summary: 'Delete a rule',
  middleware: [role('operator')] as const,
  request: { params: Params.rule, query: WriteQuery, headers: IfMatch },
  responses: {
    204: { description: 'deleted' },
    200: json(DryRunBody, 'dry run'),
    ...writeProblems,
  },
})

/** Routes of rules. */
export function ruleRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()

  routes.openapi(list, async (c) => {
    const { type, resource } = c.req.valid('query')
    const all = await bodiesOf(deps.store.rows, c.var.cluster.id)
    const asked = all.filter(
      (rule) =>
        (type === undefined || rule.type === type) &&
        (resource === undefined || rule.resources.includes(resource)),
    )
    return c.json(asked, 200)
  })

  routes.openapi(add, async (c) => {
    const rule = c.req.valid('json')
    const detail = { rule: rule.id, fields: Object.keys(rule) }
    const done = await write(deps, c, { status: 201, detail }, async ({ tx, view, clusterId }) => {
      const rules = accepted(judge.createRule(view, rule))
      return bodyOf({ ...view, rules }, await tx.insertRules(clusterId, [rule]))
    })
    if ('dryRun' in done) return c.json(done, 200)
    return c.json(done, 201, { etag: etag(done.version) })
  })

  routes.openapi(show, async (c) => {
    const { rule } = c.req.valid('param')
    const found = (await bodiesOf(deps.store.rows, c.var.cluster.id)).find(({ id }) => id === rule)
    const known = accepted(found ?? unknownRule(rule))
    return c.json(known, 200, { etag: etag(known.version) })
  })

  routes.openapi(change, async (c) => {
    const { rule } = c.req.valid('param')
    const fields = c.req.valid('json')
    const detail = { rule, fields: Object.keys(fields) }
    const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
      const now = accepted((await tx.findRule(clusterId, rule)) ?? unknownRule(rule))
      checkIfMatch(c, now.version)
      const next = accepted(changedRule(now.rule, fields))
      const rules = accepted(judge.updateRule(view, next))
      return bodyOf({ ...view, rules }, [await tx.updateRule(clusterId, next)])
    })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 200, { etag: etag(done.version) })
  })

  routes.openapi(remove, async (c) => {
    const { rule } = c.req.valid('param')
    const done = await write(deps, c, { status: 204, detail: { rule } }, async (w) => {
      accepted(judge.deleteRule(w.view, rule))
      const now = accepted((await w.tx.findRule(w.clusterId, rule)) ?? unknownRule(rule))
      checkIfMatch(c, now.version)
      await w.tx.deleteRule(w.clusterId, rule)
    })
    return done === undefined ? c.body(null, 204) : c.json(done, 200)
  })
  return routes
}

/** One rule just written, in the view with it. */
export function bodyOf(view: ClusterView, stored: StoredRule[]): RuleBody {
  const [body] = ruleBodies(view, stored)
  assert(body, 'a rule that was written is there')
  return body
}

export function unknownRule(id: string) {
  return refuse('unknown-rule', `no rule ${id} in this cluster`)
}

/** The rules and what is said about them, of one moment. */
async function bodiesOf(stored: OperatorRows, clusterId: number): Promise<RuleBody[]> {
  const [rules, view] = await Promise.all([stored.listRules(clusterId), stored.loadView(clusterId)])
  assert(view, 'clusters are never deleted')
  return ruleBodies({ ...view, rules: rules.map(({ rule }) => rule) }, rules)
}
