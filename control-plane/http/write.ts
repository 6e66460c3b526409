// The one way in which operators change a cluster: one transaction that takes the cluster's write lock, reads the view,
// lets the intake judge the wish, writes rows and the audit row, and rings the CRM. A dry run does all of it and rolls back,
// so that it cannot promise what the real thing would refuse.
import type { Context } from 'hono'
import { formatChange } from '../cluster/change.ts'
import type { Plan } from '../cluster/plan.ts'
import type { ClusterView } from '../cluster/view.ts'
import { loadView } from '../store/load-view.ts'
import { assert } from '../../shared/assert.ts'
import { type AuditDetail, recordAudit } from './audit.ts'
import type { Env } from './auth.ts'
import type { HttpDeps, Tx } from './deps.ts'
import { nextRound } from './next-round.ts'

export type Write = {
  tx: Tx
  view: ClusterView
  actor: string
  clusterId: number
}

type WriteOptions = { status: 200 | 201 | 202 | 204; detail: AuditDetail }

/** What a dry run answers: what would have been answered, and what the CRM would do about it. */
export type DryRun<T> = {
  dryRun: true
  would: { status: number; body: T | null }
  changes: string[]
  waits: Record<string, string>
}

class RolledBack<T> extends Error {
  readonly answer: DryRun<T>
  constructor(answer: DryRun<T>) {
    super('dry run')
    this.answer = answer
  }
}

/**
 * Runs `change` in one transaction and commits it, or answers what it would do (`?dryRun=true`).
 * Whatever `change` throws undoes everything.
 */
export async function write<T>(
  deps: HttpDeps,
  context: Context<Env>,
  options: WriteOptions,
  change: (write: Write) => Promise<T>,
): Promise<T | DryRun<T>> {
  const clusterId = context.var.cluster.id
  const dryRun = isDryRun(context)
  try {
    const result = await deps.sql.begin(async (tx) => {
      const view = await lockAndLoad(tx, clusterId)
      const body = await change({ tx, view, actor: context.var.actor.name, clusterId })
      if (dryRun) throw new RolledBack(await preview(tx, clusterId, options.status, body))
      await recordAudit(tx, context, options.status, options.detail)
      await tx`select pg_notify('holdfast_crm', ${String(clusterId)})`
      return { body }
    })
    deps.ring(clusterId)
    return result.body as T
  } catch (error) {
    if (error instanceof RolledBack) return error.answer as DryRun<T>
    context.set('audited', false)
    throw error
  }
}

/** Is this request only asking what would happen? */
export function isDryRun(context: Context): boolean {
  const asked = context.req.query('dryRun')
  return asked !== undefined && asked !== 'false' && asked !== '0'
}

/**
 * Serialises the operators of one cluster, so that two writes that are feasible alone are not accepted together.
 * FOR NO KEY UPDATE: the foreign keys of the CRM's and the agents' rows pass beside it.
 */
async function lockAndLoad(tx: Tx, clusterId: number): Promise<ClusterView> {
  await tx`select from cluster where id = ${clusterId} for no key update`
  return viewOf(tx, clusterId)
}

async function viewOf(tx: Tx, clusterId: number): Promise<ClusterView> {
  const view = await loadView(tx, clusterId)
  assert(view, 'clusters are never deleted')
  return view
}

async function preview<T>(tx: Tx, clusterId: number, status: number, body: T): Promise<DryRun<T>> {
  const plan: Plan = nextRound(await viewOf(tx, clusterId))
  const { changes, waits } = describe(plan)
  return { dryRun: true, would: { status, body: body ?? null }, changes, waits }
}

function describe(plan: Plan): { changes: string[]; waits: Record<string, string> } {
  const notes = { ...plan.nodeNotes, ...plan.serviceNotes }
  return {
    changes: plan.changes.map(formatChange),
    waits: Object.fromEntries(Object.entries(notes).filter(([, note]) => note !== '')),
  }
}
