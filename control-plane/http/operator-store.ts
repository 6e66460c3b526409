// The seam between the operators' routes and where clusters are kept: what is read, and what is written in one transaction
// with the verdict on it. Postgres here; its twin, in which simulated operators write, is store/memory/operators.ts.
import type { PgBoss } from 'pg-boss'
import type postgres from 'postgres'
import { confirmDead } from '../fence/operator-confirm.ts'
import { inTransaction } from '../jobs/enqueue.ts'
import { loadView } from '../store/load-view.ts'
import type { Surroundings } from '../cluster/status.ts'
import type { Tx } from './deps.ts'
import * as access from './records/access.ts'
import * as audit from './records/audit.ts'
import * as commands from './records/commands.ts'
import * as groups from './records/groups.ts'
import * as nodes from './records/nodes.ts'
import * as rules from './records/rules.ts'
import * as services from './records/services.ts'
import * as settings from './records/settings.ts'
import { loadSurroundings } from './records/surroundings.ts'

const { findActor, findCluster } = access
const records = {
  ...{ findActor, findCluster, loadView, confirmDead },
  ...{ ...audit, ...commands, ...groups, ...nodes, ...rules, ...services, ...settings },
}

/** Functions of records without the transaction that they run in. */
type Bound<M> = {
  [K in keyof M]: M[K] extends (tx: Tx, ...rest: infer A) => infer R ? (...rest: A) => R : never
}

export type RelocationJob = {
  clusterId: number
  sid: string
  node: string
  /** When, as it was asked for. */
  at: string
  actor: string
}

/** What the routes ask of the records; each function is described where its SQL is. */
export type OperatorRows = Bound<typeof records> & {
  loadSurroundings(clusterId: number): Promise<Surroundings>
  /** Puts a relocation into its queue for later; false: nothing can be scheduled here. */
  enqueueRelocation(job: RelocationJob): Promise<boolean>
}

export type OperatorStore<Rows extends OperatorRows = OperatorRows> = {
  /** Where one statement is enough. */
  rows: Rows
  /** Commits what `work` wrote; whatever it throws undoes everything. Bounded: who waits or hangs too long is ended. */
  transaction<T>(work: (tx: Rows) => Promise<T>): Promise<T>
}

/** `sql`: for routes that have no other store. */
export type PostgresRows = OperatorRows & { sql: Tx }

/** @param boss null: nothing can be scheduled for later (tests) */
export function postgresOperatorStore(
  sql: postgres.Sql,
  boss: PgBoss | null,
): OperatorStore<PostgresRows> {
  return {
    rows: postgresRows(sql, boss),
    transaction: <T>(work: (tx: PostgresRows) => Promise<T>) =>
      sql.begin(async (tx) => {
        await boundTransaction(tx)
        return work(postgresRows(tx, boss))
      }) as Promise<T>,
  }
}

function postgresRows(sql: Tx, boss: PgBoss | null): PostgresRows {
  const bound = Object.entries(records).map(([name, statement]) => [
    name,
    (...rest: unknown[]) => (statement as (...all: unknown[]) => unknown)(sql, ...rest),
  ])
  return {
    ...(Object.fromEntries(bound) as Bound<typeof records>),
    sql,
    loadSurroundings: (clusterId) => loadSurroundings(sql, clusterId, boss !== null),
    async enqueueRelocation({ clusterId, sid, node, at, actor }) {
      if (!boss) return false
      await boss.send(
        'relocate-service',
        { clusterId, sid, node, actor },
        // The key tells apart schedules for different times; the same one twice is one job.
        {
          startAfter: new Date(at),
          singletonKey: `${clusterId}/${sid}/${at}`,
          db: inTransaction(sql as postgres.TransactionSql),
        },
      )
      return true
    },
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
