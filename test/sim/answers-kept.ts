// What no answer of the API may be, and what the audit log may not hold.
import type { AuditRow } from '../../control-plane/http/records/audit.ts'
import type { OperatorReply, OperatorRequest } from './operator.ts'
import type { Person } from './operator-api.ts'

/** A broken answer to a request, or null. */
export function replyFault(
  by: Person | null,
  { method, path }: OperatorRequest,
  { status, body }: OperatorReply,
): string | null {
  const asked = `${method} ${path} by ${by ?? 'nobody'} was answered with ${status}`
  const { code, dryRun } = (body ?? {}) as { code?: string; dryRun?: boolean }
  if (status >= 500 && status !== 503) return `${asked}: ${JSON.stringify(body)}`
  if (status >= 400 && !code) return `${asked} and no code`
  if (by === 'curious' && status < 400 && dryRun !== true) return `${asked}, not as a dry run`
  return null
}

/** Who can only be refused, or only asked, has changed something. A write and its row are one commit. */
export function auditFault({ actor, status, method, path }: AuditRow): string | null {
  if (status >= 400 || !/^(viewer|clumsy|curious) /.test(actor)) return null
  return `${actor} has changed something: ${method} ${path}`
}
