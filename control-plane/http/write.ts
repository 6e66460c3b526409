// The one way in which operators change a cluster: one transaction that takes the cluster's write lock, reads the view,
// lets the intake judge the wish, writes rows and the audit row, and rings the CRM. A dry run does all of it and rolls back,
// so that it cannot promise what the real thing would refuse.
import type { Context } from 'hono'
import type { JSONValue } from 'hono/utils/types'
import { assert } from '../../shared/assert.ts'
import { formatChange } from '../cluster/change.ts'
import type { ClusterView } from '../cluster/view.ts'
import { recordAudit } from './audit.ts'
import type { Env } from './auth.ts'
import type { OperatorDeps } from './deps.ts'
import { nextRound } from './next-round.ts'
import type { OperatorRows } from './operator-store.ts'
import type { AuditDetail } from './records/audit.ts'

export type Write<Rows extends OperatorRows = OperatorRows> = {
  /** The records, within the transaction. */
  tx: Rows
  /** As it is before the write, read under the lock. */
  view: ClusterView
  actor: string
  clusterId: number
}

type WriteOptions = { status: 200 | 201 | 202 | 204; detail: AuditDetail }

/** What a dry run answers: what would have been answered, and what the CRM would do about it. */
export type DryRun = {
  dryRun: true
  would: { status: number; body: JSONValue }
  changes: string[]
  waits: Record<string, string>
}

type Outcome<T> = { body: T; changes: string[]; waits: Record<string, string> }

class RolledBack extends Error {
  readonly outcome: Outcome<unknown>
  constructor(outcome: Outcome<unknown>) {
    super('dry run')
    this.outcome = outcome
  }
}

/**
 * Runs `change` in one transaction and commits it, or answers what it would do (`?dryRun=true`).
 * Whatever `change` throws undoes everything.
 */
export async function write<Rows extends OperatorRows, T>(
  deps: OperatorDeps<Rows>,
  context: Context<Env>,
  options: WriteOptions,
  change: (write: Write<Rows>) => Promise<T>,
): Promise<T | DryRun> {
  const clusterId = context.var.cluster.id
  const done = await commitOrShow(deps, context, options.status, async (tx) => {
    await tx.lockCluster(clusterId)
    const view = await viewOf(tx, clusterId)
    const body = await change({ tx, view, actor: context.var.actor.name, clusterId })
    if (isDryRun(context)) return { body, ...preview(await viewOf(tx, clusterId)) }
    await recordAudit(tx, context, options.status, options.detail)
    await tx.ringCrm(clusterId, deps.replica.name)
    return { body, changes: [], waits: {} }
  })
  if (!isDryRun(context)) deps.ring(clusterId)
  return done
}

/** One transaction, committed; or, where only that was asked, rolled back and told about. */
export async function commitOrShow<Rows extends OperatorRows, T>(
  deps: OperatorDeps<Rows>,
  context: Context<Env>,
  status: number,
  work: (tx: Rows) => Promise<Outcome<T>>,
): Promise<T | DryRun> {
  try {
    const outcome = await deps.store.transaction(async (tx) => {
      const done = await work(tx)
      if (isDryRun(context)) throw new RolledBack(done)
      return done
    })
    return outcome.body
  } catch (error) {
    // What was written in this transaction is gone, its audit row too.
    context.set('audited', false)
    if (!(error instanceof RolledBack)) throw error
    const { body, changes, waits } = error.outcome
    return { dryRun: true, would: { status, body: (body ?? null) as JSONValue }, changes, waits }
  }
}

/** Is this request only asking what would happen? */
export function isDryRun(context: Context): boolean {
  const asked = context.req.query('dryRun')
  return asked !== undefined && asked !== 'false'
}

async function viewOf(tx: OperatorRows, clusterId: number): Promise<ClusterView> {
  const view = await tx.loadView(clusterId)
  assert(view, 'clusters are never deleted')
  return view
}

/** What the CRM's next round would do with the write. */
function preview(view: ClusterView): Pick<DryRun, 'changes' | 'waits'> {
  const plan = nextRound(view)
  const notes = { ...plan.nodeNotes, ...plan.serviceNotes }
  return {
    changes: plan.changes.map(formatChange),
    waits: Object.fromEntries(Object.entries(notes).filter(([, note]) => note !== '')),
  }
}
