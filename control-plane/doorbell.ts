// Doorbells between replicas: NOTIFY says "look", never what. One LISTEN connection a replica; whatever was lost while it
// was down is made good by looking at everything once it is back.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { client } from './store/connect.ts'

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

export async function listen(deps: DoorbellDeps): Promise<{ close(): Promise<void> }> {
  const sql: postgres.Sql = client(deps.url, { max: 1, name: 'doorbell' })
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
  return { close: () => sql.end({ timeout: 1 }) }
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
