// One client of Postgres, set up as the plane wants all of them.
import postgres from 'postgres'

export type ClientOptions = {
  max: number
  name: string
  onnotice?: (notice: postgres.Notice) => void
}

/** A postgres.js client that notices within seconds that its peer's kernel is gone, and reconnects at once. */
export function client(url: string, options: ClientOptions): postgres.Sql {
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
