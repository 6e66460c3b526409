// Clusters whose load is uneven, and what balancing would move of it.
import { applyPlan } from '../../control-plane/cluster/apply.ts'
import type { Plan } from '../../control-plane/cluster/plan.ts'
import type { ClusterView, ServiceView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { type Scheduling } from '../../shared/scheduling.ts'
import { aNode, aService, buildView, type ServiceChanges, type ViewChanges } from './build-view.ts'

export const GB = 1e9
export const scheduling: Scheduling = {
  ...{ mode: 'dynamic', rebalanceOnStart: false, autoRebalance: true, method: 'bruteforce' },
  ...{ threshold: 0.3, holdRounds: 1, margin: 0.1 },
}

/** A node of 10 CPUs and 10 GB, of which `used` of each is in use. */
export const node = (name: string, used: number) =>
  aNode(name, {
    capacity: { cpus: 10, memoryBytes: 10 * GB },
    usage: { cpus: used, memoryBytes: used * GB },
  })

export const service = (
  sid: string,
  on: string,
  uses: number,
  more: ServiceChanges = {},
): ServiceView => ({
  ...aService(sid, on, more),
  usage: { cpus: uses, memoryBytes: uses * GB },
})

/** Two on n1 that use 3 each; n2 and n3 idle. */
export const uneven = (more: ViewChanges = {}, settings: Partial<Scheduling> = {}): ClusterView =>
  buildView({
    nodes: [node('n1', 6), node('n2', 0), node('n3', 0)],
    services: [service('process:a', 'n1', 3), service('process:b', 'n1', 3)],
    ...more,
    settings: { scheduling: { ...scheduling, ...settings }, ...more.settings },
  })

export const movesIn = ({ changes }: Plan) =>
  changes.flatMap((change) =>
    change.kind === 'service.state' && change.to === 'relocate'
      ? [`${change.sid} ${change.set.target}`]
      : [],
  )
export const moves = (view: ClusterView) => movesIn(decide(view))
export const since = (view: ClusterView) => applyPlan(view, decide(view)).imbalancedSinceMs
