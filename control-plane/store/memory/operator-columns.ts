// What operators wrote that no view shows: comments, versions, who asked for a command and when, tokens, the audit log. A row
// that was written without these has the schema's defaults. Pure.
import type { Role } from '../../../shared/operator-api.ts'
import type { AuditRow } from '../../http/records/audit.ts'
import type { Sid } from '../../cluster/view.ts'
import type { ClusterState } from './state.ts'

export type StoredActor = {
  id: string
  name: string
  role: Role
  hash: string
  /** For every cluster. */
  everywhere: boolean
  expiresMs: number | null
}

export type OperatorColumns = {
  settingsVersion: number
  comments: Record<Sid, string>
  groups: Record<string, { comment: string; version: number }>
  rules: Record<string, { order: number; version: number }>
  commands: Record<string, { actor: string; createdMs: number }>
  tokens: StoredActor[]
  /** The newest ones only. */
  audit: AuditRow[]
}

export const noColumns: OperatorColumns = {
  ...{ settingsVersion: 1, comments: {}, groups: {}, rules: {}, commands: {} },
  ...{ tokens: [], audit: [] },
}

const auditKept = 200
/** More than are open and remembered as finished together. */
const commandsKept = 2_000

export function withColumns(state: ClusterState, more: Partial<OperatorColumns>): ClusterState {
  return { ...state, operators: { ...state.operators, ...more } }
}

export function addActor(state: ClusterState, token: StoredActor): ClusterState {
  return withColumns(state, { tokens: [...state.operators.tokens, token] })
}

export function addAudit(state: ClusterState, row: AuditRow): ClusterState {
  return withColumns(state, { audit: [...state.operators.audit, row].slice(-auditKept) })
}

export function noteCommand(
  state: ClusterState,
  uid: string,
  by: OperatorColumns['commands'][string],
): ClusterState {
  const known = Object.entries(state.operators.commands).slice(1 - commandsKept)
  return withColumns(state, { commands: { ...Object.fromEntries(known), [uid]: by } })
}

/** `record` without one of its keys. */
export function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = record
  return rest
}
