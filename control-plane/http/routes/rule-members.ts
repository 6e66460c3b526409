// Members of a rule one by one, and its switch: nobody has to send the whole rule for that. Doing it twice changes nothing.
import { isDeepStrictEqual } from 'node:util'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { RuleBody } from '../../../shared/operator-api.ts'
import type { Rule } from '../../../shared/rule.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Refusal } from '../../intake/refusal.ts'
import { addMember, enableRule, removeMember } from '../../intake/rule-wish.ts'
import { assert } from '../../../shared/assert.ts'
import type { AuditDetail } from '../records/audit.ts'
import { type Env, role } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import { checkIfMatch, etag } from '../if-match.ts'
import {
  DryRunBody,
  IfMatch,
  json,
  newRoutes,
  Params,
  WriteQuery,
  writeProblems,
} from '../routing.ts'
import { write } from '../write.ts'
import { bodyOf, unknownRule } from './rules.ts'

const responses = {
  200: json(z.union([RuleBody, DryRunBody]), 'the rule as it is then, or dry run'),
  ...writeProblems,
}

const member = <M extends 'put' | 'delete'>(method: M, summary: string) =>
  createRoute({
    method,
    path: '/rules/{rule}/resources/{sid}',
    summary,
    middleware: [role('operator')] as const,
    request: { params: Params.member, query: WriteQuery, headers: IfMatch },
    responses,
  })

const flip = <V extends 'enable' | 'disable'>(verb: V, summary: string) =>
  createRoute({
    method: 'post',
    path: `/rules/{rule}/${verb}`,
    summary,
    middleware: [role('operator')] as const,
    request: { params: Params.rule, query: WriteQuery, headers: IfMatch },
    responses,
  })

/** Routes of members and switches. */
export function ruleMemberRoutes(deps: OperatorDeps): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(member('put', 'Put a service into a rule'), (c) => {
    const { rule, sid } = c.req.valid('param')
    return edit(deps, c, { rule, sid }, (view) => addMember(view, rule, sid))
  })
  routes.openapi(member('delete', 'Take a service out of a rule'), (c) => {
    const { rule, sid } = c.req.valid('param')
    return edit(deps, c, { rule, sid }, (view) => removeMember(view, rule, sid))
  })
  routes.openapi(flip('enable', 'Let a rule count'), (c) => {
    const { rule } = c.req.valid('param')
    return edit(deps, c, { rule, disabled: false }, (view) => enableRule(view, rule, true))
  })
  routes.openapi(flip('disable', 'Keep a rule, and let it count for nothing'), (c) => {
    const { rule } = c.req.valid('param')
    return edit(deps, c, { rule, disabled: true }, (view) => enableRule(view, rule, false))
  })
  return routes
}

/** Writes the one rule that `next` changes; where it changes none, the version stays. */
async function edit(
  deps: OperatorDeps,
  c: Context<Env>,
  detail: AuditDetail & { rule: string },
  next: (view: ClusterView) => Rule[] | Refusal,
) {
  const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
    const now = accepted((await tx.findRule(clusterId, detail.rule)) ?? unknownRule(detail.rule))
    checkIfMatch(c, now.version)
    const rules = accepted(next(view))
    const rule = rules.find(({ id }) => id === detail.rule)
    assert(rule, 'members and switches delete no rule')
    const isSame = isDeepStrictEqual(rule, now.rule)
    return bodyOf({ ...view, rules }, [isSame ? now : await tx.updateRule(clusterId, rule)])
  })
  return 'dryRun' in done ? c.json(done, 200) : c.json(done, 200, { etag: etag(done.version) })
}
