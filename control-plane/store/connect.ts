// The plane's connections to Postgres. Renewals have their own, served before everything else; rounds have their own,
// so that a slow page never delays a decision; the rest share one pool. Drizzle is for the schema and its migrations only
// (store/migrate.ts): it changes the parsers of the client it is given.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { steadyClient } from './steady-client.ts'

export type Connections = {
  /** Pages, the API and reads of desired states. */
  general: postgres.Sql
  rounds: postgres.Sql
  close(): Promise<void>
}

/** @param silentMs how long the database may not answer a round; what is less urgent waits twice as long */
export function connect(
  url: string,
  { silentMs, log }: { silentMs: number; log: Pick<Logger, 'warn'> },
): Connections {
  const general = steadyClient(url, { max: 10, name: 'general', patienceMs: 2 * silentMs, log })
  const rounds = steadyClient(url, { max: 3, name: 'rounds', patienceMs: silentMs, log })
  return {
    general: general.sql,
    rounds: rounds.sql,
    close: async () => {
      await Promise.all([general.close(), rounds.close()])
    },
  }
}
