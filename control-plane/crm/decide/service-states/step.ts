// What the file of a service state is given, and what every one of them may ask.
import type { ServiceConfig, ServiceStatus, ServiceView, Sid } from '../../../cluster/view.ts'
import type { OrderResult } from '../../../../shared/protocol.ts'
import type { Draft } from '../draft.ts'

export type Managed = {
  sid: Sid
  service: ServiceView
  config: ServiceConfig
  status: ServiceStatus
}

/** Looks at one service in one state; changes it, or leaves it with a note when it waits. */
export type Step = (draft: Draft, managed: Managed) => void

/** What the service's node answered to the order in force. */
export function resultOf(
  draft: Draft,
  { sid, status }: Managed,
  isSuccessNews = true,
): OrderResult | null {
  const { node, uid } = status
  if (node === null) return null
  const result = isSuccessNews ? draft.index.result(node, uid) : draft.index.failures(node).get(uid)
  return result?.sid === sid ? result : null
}

/** An outcome in words. */
export function outcomeText(result: OrderResult): string {
  return result.detail ? `${result.outcome}: ${result.detail}` : result.outcome
}

export function isWanted({ config }: Managed): boolean {
  return config.requested === 'started'
}

/** Why a service is not wanted running. */
export function unwantedWhy({ config }: Managed): string {
  return `its requested state is ${config.requested}`
}
