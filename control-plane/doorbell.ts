// Doorbells between replicas: NOTIFY says "look", never what. One LISTEN connection a replica; whatever was lost while it
// was down is made good by looking at everything once it is back.
import type { Logger } from 'pino'
import type postgres from 'postgres'
import { client } from './store/connect.ts'

export type DoorbellDeps = {
  url: string
  log: Logger
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
      const clusterId = Number(payload)
      if (Number.isInteger(clusterId)) deps.ringCluster(clusterId)
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
