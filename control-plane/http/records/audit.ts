// Rows of the audit log, and the cluster's write lock and doorbell: what every write has, whatever it writes.
import { ringText } from '../../doorbell.ts'
import type { Tx } from '../deps.ts'

export type AuditDetail = Record<string, string | number | boolean | null | string[]>

export type AuditRow = {
  /** null: about no cluster. */
  clusterId: number | null
  actor: string
  method: string
  path: string
  status: number
  detail: AuditDetail
}

export async function insertAudit(sql: Tx, row: AuditRow): Promise<void> {
  await sql`
    insert into audit_log (cluster_id, actor, method, path, status, detail)
    values (${row.clusterId}, ${row.actor}, ${row.method}, ${row.path}, ${row.status},
            ${JSON.stringify(row.detail)}::text::jsonb)`
}

/**
 * Serialises the operators of one cluster, so that two writes that are feasible alone are not accepted together.
 * FOR NO KEY UPDATE: the foreign keys of the CRM's and the agents' rows pass beside it.
 */
export async function lockCluster(tx: Tx, clusterId: number): Promise<void> {
  await tx`select from cluster where id = ${clusterId} for no key update`
}

/** Wakes the CRM wherever it is, with the commit. @param replica who rings: it wakes its own CRM itself */
export async function ringCrm(tx: Tx, clusterId: number, replica: string): Promise<void> {
  await tx`select pg_notify('holdfast_crm', ${ringText(clusterId, replica)})`
}
