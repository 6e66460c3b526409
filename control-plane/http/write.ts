// The one way in which operators change a cluster: one transaction that takes the cluster's write lock, reads the view,
// lets the intake judge the wish, writes rows and the audit row, and rings the CRM. A dry run does all of it and rolls back,
// so that it cannot promise what the real thing would refuse.
import type { Context } from 'hono'
import type { JSONValue } from 'hono/utils/types'
import { assert } from '../../shared/assert.ts'
import { formatChange } from '../cluster/change.ts'
import type { ClusterView } from '../cluster/view.ts'
import { ringText } from '../doorbell.ts'
import { loadView } from '../store/load-view.ts'
import { type AuditDetail, recordAudit } from './audit.ts'
import type { Env } from './auth.ts'
import type { HttpDeps, Tx } from './deps.ts'
import { nextRound } from './next-round.ts'

export type Write = {
  tx: Tx
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
export async function write<T>(
  deps: HttpDeps,
  context: Context<Env>,
  options: WriteOptions,
  change: (write: Write) => Promise<T>,
): Promise<T | DryRun> {
  const clusterId = context.var.cluster.id
  const done = await commitOrShow(deps, context, options.status, async (tx) => {
    const view = await lockAndLoad(tx, clusterId)
    const body = await change({ tx, view, actor: context.var.actor.name, clusterId })
    if (isDryRun(context)) return { body, ...preview(await viewOf(tx, clusterId)) }
    await recordAudit(tx, context, options.status, options.detail)
    await tx`select pg_notify('holdfast_crm', ${ringText(clusterId, deps.replica.name)})`
    return { body, changes: [], waits: {} }
  })
  if (!isDryRun(context)) deps.ring(clusterId)
  return done
}

/** One transaction, committed; or, where only that was asked, rolled back and told about. */
export async function commitOrShow<T>(
  deps: HttpDeps,
  context: Context<Env>,
  status: number,
  work: (tx: Tx) => Promise<Outcome<T>>,
): Promise<T | DryRun> {
  try {
    const outcome = (await deps.sql.begin(async (tx) => {
      await boundTransaction(tx)
      const done = await work(tx)
      if (isDryRun(context)) throw new RolledBack(done)
      return done
    })) as Outcome<T>
    return outcome.body
  } catch (error) {
    // What was written in this transaction is gone, its audit row too.
    context.set('audited', false)
    if (!(error instanceof RolledBack)) throw error
    const { body, changes, waits } = error.outcome
    return { dryRun: true, would: { status, body: (body ?? null) as JSONValue }, changes, waits }
  }
}

/**
 * A replica that hangs in here must not hold the cluster's rows against the CRM: the server ends its transaction.
 * Whoever waits for a lock too long is told to try again.
 */
async function boundTransaction(tx: Tx): Promise<void> {
  await tx`
    select set_config('idle_in_transaction_session_timeout', '1000', true),
      set_config('lock_timeout', '5000', true), set_config('statement_timeout', '10000', true)`
}

/** Is this request only asking what would happen? */
export function isDryRun(context: Context): boolean {
  const asked = context.req.query('dryRun')
  return asked !== undefined && asked !== 'false'
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

/** What the CRM's next round would do with the write. */
function preview(view: ClusterView): Pick<DryRun, 'changes' | 'waits'> {
  const plan = nextRound(view)
  const notes = { ...plan.nodeNotes, ...plan.serviceNotes }
  return {
    changes: plan.changes.map(formatChange),
    waits: Object.fromEntries(Object.entries(notes).filter(([, note]) => note !== '')),
  }
}
