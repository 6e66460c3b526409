// The services of a cluster that somebody else than its agents could start on a node: by an enabled unit, an autostart, by
// hand. Every node that could run one keeps a start gate for it, also one that was away when it was added (rule 12, S8).
import { serviceType } from '../../shared/names.ts'
import { isTold } from '../../shared/specs/service-specs.ts'
import type { ServiceConfig, ServiceView } from './view.ts'

/**
 * Whether nodes are to know of it. Only what the CRM has taken up: the same round asks where it runs, before anybody ends it
 * for want of a grant. What is ignored is its owner's to start; gates that are there already stay.
 */
export function isManaged(
  service: ServiceView,
): service is ServiceView & { config: ServiceConfig } {
  const { sid, config, status } = service
  return (
    config !== null && status !== null && config.requested !== 'ignored' && isTold(serviceType(sid))
  )
}
