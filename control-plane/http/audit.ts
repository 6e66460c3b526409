// Every write leaves a row with its actor, refused ones too. An accepted write's row is part of its own transaction;
// this middleware adds those of the refused. Must never hold a secret: callers name fields, not bodies.
import type { Context, MiddlewareHandler } from 'hono'
import type { Env } from './auth.ts'
import type { OperatorDeps } from './deps.ts'
import { ProblemError } from './errors.ts'
import type { OperatorRows } from './operator-store.ts'
import type { AuditDetail } from './records/audit.ts'

/** Writes the audit row of an accepted write, inside its transaction. */
export async function recordAudit(
  tx: Pick<OperatorRows, 'insertAudit'>,
  context: Context<Env>,
  status: number,
  detail: AuditDetail,
): Promise<void> {
  await insert(tx, context, status, detail)
  context.set('audited', true)
}

/** Writes the audit rows of refused writes. Requests without a valid token have no actor: they go to the log only. */
export function auditRefusals(deps: OperatorDeps): MiddlewareHandler<Env> {
  return async (context, next) => {
    await next()
    const { method } = context.req
    if (method === 'GET' || method === 'HEAD' || context.var.audited) return
    if (context.res.status < 400) return
    const code = context.error instanceof ProblemError ? context.error.problem.code : 'internal'
    if (context.var.actor === undefined)
      return deps.log.warn(
        { method, path: context.req.path, code },
        'refused without a valid token',
      )
    try {
      await insert(deps.store.rows, context, context.res.status, { refused: code })
    } catch (cause) {
      // The refusal stands whether or not the database is there to remember it.
      deps.log.error({ err: cause, path: context.req.path }, 'audit row of a refused write lost')
    }
  }
}

function insert(
  rows: Pick<OperatorRows, 'insertAudit'>,
  { req, var: { cluster, actor } }: Context<Env>,
  status: number,
  detail: AuditDetail,
): Promise<void> {
  const { method, path } = req
  return rows.insertAudit({
    ...{ clusterId: cluster?.id ?? null, actor: actor.name, method, path, status, detail },
  })
}
