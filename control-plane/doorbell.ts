// Doorbells between replicas: NOTIFY says "look", never what. One LISTEN connection a replica; whatever was lost while it
// was down is made good by looking at everything once it is back.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { client } from './store/client.ts'
import { withDeadline } from './store/deadline.ts'

export type DoorbellDeps = {
  url: string
  log: Logger
  /** This replica's name: what it rings itself it has heard already. */
  replica: string
  ringCluster(clusterId: number): void
  ringAllClusters(): void
  wakeNodes(uids: string[]): void
  wakeAllNodes(): void
}

/** How often the LISTEN connection is asked whether it still hears, and how long it may take to say so. */
const askEveryMs = 500
const patienceMs = 1_000
const reopenMs = 5_000

/**
 * Listens until it is closed. A connection that falls silent would leave this replica deaf without a word: it is asked, and
 * replaced when it does not answer.
 */
export async function listen(deps: DoorbellDeps): Promise<{ close(): Promise<void> }> {
  let current = await openLine(deps)
  let isClosed = false
  let isDeaf = false
  let timer = setTimeout(() => void ask(), askEveryMs)

  async function ask(): Promise<void> {
    const asked = current
    try {
      await withDeadline(asked.echo(), patienceMs)
      isDeaf = false
    } catch (error) {
      if (!isClosed) await replace(asked, error)
    }
    if (!isClosed) timer = setTimeout(() => void ask(), askEveryMs)
  }

  async function replace(silent: Line, why: unknown): Promise<void> {
    // Said once, however long the database is away.
    if (!isDeaf) deps.log.warn({ err: why }, 'doorbells may be lost: listening anew')
    isDeaf = true
    silent.drop()
    const next = openLine(deps)
    try {
      current = await withDeadline(next, reopenMs)
      if (isClosed) current.drop()
    } catch {
      // Asked again, it fails again, and the next try is made then.
      void next.then(
        (late) => late.drop(),
        () => {},
      )
    }
  }

  return {
    close: () => {
      isClosed = true
      clearTimeout(timer)
      return current.end()
    },
  }
}

type Line = {
  /** Resolves when the connection that listens has answered. */
  echo(): Promise<void>
  drop(): void
  end(): Promise<void>
}

async function openLine(deps: DoorbellDeps): Promise<Line> {
  const sql: postgres.Sql = client(deps.url, { max: 1, name: 'doorbell' })
  const drop = () => void sql.end({ timeout: 0 }).catch(() => {})
  try {
    await sql.listen(
      'holdfast_crm',
      (payload) => {
        const { clusterId, ringer } = parseRing(payload)
        // A second ring would only have the same round run again.
        if (ringer !== deps.replica && Number.isInteger(clusterId)) deps.ringCluster(clusterId)
      },
      () => deps.ringAllClusters(),
    )
    await sql.listen(
      'holdfast_desired',
      (payload) => deps.wakeNodes(payload.split(',')),
      () => deps.wakeAllNodes(),
    )
  } catch (error) {
    drop()
    throw error
  }
  return {
    // All LISTENs of a client share one connection, which nothing else can be asked on.
    echo: async () => {
      const request = await sql.listen('holdfast_echo', () => {})
      await request.unlisten()
    },
    drop,
    end: () => sql.end({ timeout: 1 }),
  }
}

/** What a doorbell says: a cluster, and which replica rang if that one rings its own CRM by itself. */
export function ringText(clusterId: number, ringer?: string): string {
  return ringer === undefined ? String(clusterId) : `${clusterId} ${ringer}`
}

export function parseRing(payload: string): { clusterId: number; ringer: string | null } {
  const space = payload.indexOf(' ')
  if (space < 0) return { clusterId: Number(payload), ringer: null }
  return { clusterId: Number(payload.slice(0, space)), ringer: payload.slice(space + 1) }
}
