// A pool of connections that outlives a link which falls silent: nothing is closed, nothing arrives, and the driver would
// wait for the kernel, up to a quarter of an hour. It is asked every second; if it does not answer in time, all of it is given up and
// a new pool takes its place. Whoever waits on the old one gets an error: whether a change was made is not known.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { systemTimers } from '../../shared/clock.ts'
import { type ClientOptions, client } from './client.ts'
import { withDeadline } from './deadline.ts'

export type SteadyOptions = ClientOptions & {
  /** How long an answer may take before the pool counts as dead. */
  patienceMs: number
  log: Pick<Logger, 'warn'>
}

export type SteadyClient = { sql: postgres.Sql; close: () => Promise<void> }

const askEveryMs = 1_000

/** @returns `sql`: to be used as any client; it stands for whichever pool is in use */
export function steadyClient(url: string, options: SteadyOptions): SteadyClient {
  const { patienceMs, log, name } = options
  let current = client(url, options)
  let isClosed = false
  let timer = systemTimers.set(() => void ask(), askEveryMs)

  async function ask(): Promise<void> {
    const asked = current
    try {
      // Errors are the driver's business: it connects again by itself. Silence is what it does not notice.
      await withDeadline(asked`select 1`.then(nothing, nothing), patienceMs)
    } catch {
      if (!isClosed) replace(asked)
    }
    if (!isClosed) timer = systemTimers.set(() => void ask(), askEveryMs)
  }

  function replace(silent: postgres.Sql): void {
    log.warn({ pool: name, patienceMs }, 'the database does not answer: connecting anew')
    current = client(url, options)
    void silent.end({ timeout: 0 }).catch(nothing)
  }

  // Nothing is called on it by itself: each use goes to the pool of the moment.
  const sql = new Proxy(current, {
    apply: (_, __, words: unknown[]) => Reflect.apply(current as never, undefined, words),
    get: (_, key) => Reflect.get(current, key),
  })
  return {
    sql,
    close: () => {
      isClosed = true
      systemTimers.clear(timer)
      return current.end({ timeout: 2 })
    },
  }
}

const nothing = () => {}
