// What operators ask to be done with a service now: each becomes a command row that the CRM finishes (D5).
// Where an operation is also a wish (enable, disable, start, stop), the wish changes in the same transaction.
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CommandBody, MoveBody, RelocateBody, StopBody } from '../../../shared/operator-api.ts'
import type { ClusterView, CommandKind } from '../../cluster/view.ts'
import { refuseOperation, requestedBy } from '../../intake/operation-wish.ts'
import type { Refusal } from '../../intake/refusal.ts'
import type { AuditDetail } from '../records/audit.ts'
import { type Env, role } from '../auth.ts'
import { awaitCommand, waitSeconds } from '../command-wait.ts'
import type { OperatorDeps } from '../deps.ts'
import { accepted } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { body, DryRunBody, json, newRoutes, Params, WaitQuery, writeProblems } from '../routing.ts'
import { type Write, write } from '../write.ts'
import { scheduleRelocate } from './scheduled-relocate.ts'

type Operation = {
  kind: CommandKind
  sid: string
  node?: string
  stopTimeoutMs?: number | undefined
}

const responses = {
  200: json(z.union([CommandBody, DryRunBody]), 'finished while waiting, or dry run'),
  202: json(CommandBody, 'accepted; ask for it under /commands/{uid}'),
  ...writeProblems,
}

const summaries = {
  enable: 'Want it started',
  disable: 'Want it stopped and left where it is; also clears an error',
  start: 'Want it started',
  restart: 'Stop and start it once on its node',
} as const

const plain = <K extends keyof typeof summaries>(kind: K) =>
  createRoute({
    method: 'post',
    path: `/services/{sid}/${kind}`,
    summary: summaries[kind],
    middleware: [role('operator')] as const,
    request: { params: Params.sid, query: WaitQuery },
    responses,
  })

const stop = createRoute({
  method: 'post',
  path: '/services/{sid}/stop',
  summary: 'Want it stopped; its node still counts for recovery',
  middleware: [role('operator')] as const,
  request: {
    params: Params.sid,
    query: WaitQuery,
    // No body means: the service's own timeout.
    body: { required: false, content: { 'application/json': { schema: StopBody } } },
  },
  responses,
})

const migrate = createRoute({
  method: 'post',
  path: '/services/{sid}/migrate',
  summary: 'Move it, live where its driver can',
  middleware: [role('operator')] as const,
  request: { params: Params.sid, query: WaitQuery, body: body(MoveBody) },
  responses,
})

const Scheduled = z.object({
  scheduled: z.object({ job: z.string(), sid: z.string(), node: z.string(), at: z.string() }),
})

const relocate = createRoute({
  method: 'post',
  path: '/services/{sid}/relocate',
  summary: 'Stop it, move it, start it; with `at` at that time',
  middleware: [role('operator')] as const,
  request: { params: Params.sid, query: WaitQuery, body: body(RelocateBody) },
  responses: {
    ...responses,
    202: json(z.union([CommandBody, Scheduled]), 'accepted, or scheduled'),
  },
})

/** Routes of operations. */
export function operationRoutes(deps: OperatorDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()
  for (const kind of Object.keys(summaries) as (keyof typeof summaries)[])
    routes.openapi(plain(kind), (c) =>
      operate(deps, feed, c, { kind, sid: c.req.valid('param').sid }),
    )
  routes.openapi(stop, (c) =>
    operate(deps, feed, c, {
      kind: 'stop',
      sid: c.req.valid('param').sid,
      stopTimeoutMs: c.req.valid('json')?.timeoutMs,
    }),
  )
  routes.openapi(migrate, (c) =>
    operate(deps, feed, c, {
      kind: 'migrate',
      sid: c.req.valid('param').sid,
      node: c.req.valid('json').node,
    }),
  )
  routes.openapi(relocate, async (c) => {
    const { sid } = c.req.valid('param')
    const { node, at } = c.req.valid('json')
    if (at === undefined) return operate(deps, feed, c, { kind: 'relocate', sid, node })
    const done = await scheduleRelocate(deps, c, { sid, node, at })
    return 'dryRun' in done ? c.json(done, 200) : c.json(done, 202)
  })
  return routes
}

type Beside<More> = {
  /** Judges before the intake does, on the same view. */
  judge?: (view: ClusterView) => Refusal | null
  /**
   * What else is written in the same transaction: what it returns is answered beside the command, what it adds to `detail`
   * is audited.
   */
  also?: (w: Write, detail: AuditDetail) => Promise<More>
}

/** Queues one operation, and waits for its end as far as the caller asked for. */
export async function operate<More extends Record<string, unknown> = Record<never, never>>(
  deps: OperatorDeps,
  feed: EventFeed,
  c: Context<Env>,
  operation: Operation,
  { judge, also }: Beside<More> = {},
) {
  const { kind, sid } = operation
  const node = operation.node ?? null
  const stopTimeoutMs = operation.stopTimeoutMs ?? null
  const seconds = waitSeconds(c)
  const uid = deps.random.uuid()
  const detail: AuditDetail = { command: uid, kind, sid, node, stopTimeoutMs }
  const done = await write(deps, c, { status: 202, detail }, async (w) => {
    accepted(judge?.(w.view) ?? refuseOperation(w.view, { kind, sid, node, later: false }))
    const { tx, clusterId, actor } = w
    const more = (await also?.(w, detail)) ?? ({} as More)
    if (kind === 'remove') await tx.deleteService(clusterId, sid)
    else if (requestedBy[kind]) await tx.setRequested(clusterId, sid, requestedBy[kind])
    const queued = { uid, clusterId, kind, sid, node, arguments: { stopTimeoutMs }, actor }
    return { ...(await tx.insertCommand(queued)), ...more }
  })
  if ('dryRun' in done) return c.json(done, 200)
  const { id } = c.var.cluster
  const command = await awaitCommand(deps, feed, id, done, seconds, c.req.raw.signal)
  const answer = { ...done, ...command }
  return answer.finishedAt === null ? c.json(answer, 202) : c.json(answer, 200)
}
