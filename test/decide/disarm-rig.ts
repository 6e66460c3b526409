// A cluster that is disarmed, or about to be, for decisions about it.
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { ClusterCommandView, DisarmView } from '../../control-plane/cluster/view.ts'
import { type buildView, nowMs, type ServiceChanges } from './build-view.ts'

export const clusterCommand = (more: Partial<ClusterCommandView>): ClusterCommandView => ({
  ...{ uid: 'c1', kind: 'disarm', node: null, mode: 'freeze', status: 'pending', reason: '' },
  ...more,
})
export const disarming = (
  mode: 'freeze' | 'ignore',
  more: Partial<DisarmView> = {},
): DisarmView => ({
  ...{ mode, state: 'disarming', sinceMs: nowMs - 5_000, effectiveMs: nowMs - 5_000 },
  ...more,
})
export const letGo = { armed: false, guarded: false, mode: 'disarm' as const }
export const frozen: ServiceChanges = { status: { state: 'freeze' } }
export const ordersOf = (view: ReturnType<typeof buildView>, node: string) => desiredFor(view, node)
