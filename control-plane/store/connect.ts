// The plane's connections to Postgres. Renewals have their own, served before everything else; rounds have their own,
// so that a slow page never delays a decision; the rest share one pool. Drizzle is for the schema and its migrations only
// (store/migrate.ts): it changes the parsers of the client it is given.
import postgres from 'postgres'

export type Connections = {
  /** Pages, the API and reads of desired states. */
  general: postgres.Sql
  rounds: postgres.Sql
  close(): Promise<void>
}

type Options = { max: number; name: string; onnotice?: (notice: postgres.Notice) => void }

/** A postgres.js client that notices a dead peer within seconds and reconnects at once. */
export function client(url: string, options: Options): postgres.Sql {
  return postgres(url, {
    max: options.max,
    // Reconnect quickly: the default waits up to 20 s after a restart of the server.
    backoff: () => 0.25,
    connect_timeout: 3,
    keep_alive: 2,
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: options.onnotice ?? (() => {}),
    connection: { application_name: `holdfast-${options.name}` },
    ...unpiped,
  })
}

/** A long query on a shared connection must not hold up the short ones behind it (an option the types leave out). */
const unpiped = { max_pipeline: 1 } as object

export function connect(url: string): Connections {
  const general = client(url, { max: 10, name: 'general' })
  const rounds = client(url, { max: 3, name: 'rounds' })
  return {
    general,
    rounds,
    close: async () => {
      await Promise.all([general, rounds].map((sql) => sql.end({ timeout: 2 })))
    },
  }
}
