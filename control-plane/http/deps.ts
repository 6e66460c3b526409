// What the HTTP rooms are given by the composition root. Plain data and functions; nothing in here is looked up elsewhere.
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import type postgres from 'postgres'
import type { Registry } from 'prom-client'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { OperatorRows, OperatorStore, PostgresRows } from './operator-store.ts'

/** What the operators' routes need, wherever clusters are kept. */
export type OperatorDeps<Rows extends OperatorRows = OperatorRows> = {
  store: OperatorStore<Rows>
  clock: Clock
  random: Random
  log: Logger
  replica: { name: string; url: string }
  /** Wakes this replica's CRM for a cluster; call it after the commit. */
  ring(clusterId: number): void
}

export type HttpDeps = OperatorDeps<PostgresRows> & {
  /** The general pool. */
  sql: postgres.Sql
  /** Mounted at /agent/v1. */
  agentRoutes?: Hono
  /** null: ready to take traffic; else why not. */
  ready(): Promise<string | null>
  metrics?: Registry
}

/** A transaction of the general pool, or the pool itself where one statement is enough. */
export type Tx = postgres.TransactionSql | postgres.Sql
