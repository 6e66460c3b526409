// The fence devices of a node as people are told about them. Pure, and without secrets.
import type { z } from 'zod'
import type { StatusNode as NodeBody } from '../../shared/operator-api.ts'
import { doubtAboutDevices } from './apply-fence.ts'
import type { FenceDeviceView } from './fence-view.ts'
import type { ClusterView, NodeView } from './view.ts'

type StatusNode = z.infer<typeof NodeBody>
type DeviceStatus = NonNullable<StatusNode['fenceDevices']>[number]

/** One device: what it said while the node was up. */
export function deviceStatus({ nowMs }: ClusterView, device: FenceDeviceView): DeviceStatus {
  const { name, kind, checked } = device
  if (!checked) return { name, kind, doubt: '', checkedMsAgo: null }
  const { state, isExpected, fault, atMs } = checked
  const doubt =
    fault ||
    (isExpected ? '' : 'it speaks of another machine') ||
    (state === 'on' ? '' : `it said ${state} while the node was up`)
  return { name, kind, doubt, checkedMsAgo: Math.round(nowMs - atMs) }
}

/** The last order to switch the node off, and what came of it. */
export function fenceOrderStatus(view: ClusterView, node: NodeView): StatusNode['fenceOrder'] {
  const { fenceOrder } = node
  if (!fenceOrder) return null
  const { epoch, attempt, orderedMs, report } = fenceOrder
  const doubt = report === null ? 'nothing is reported yet' : doubtAboutDevices(view, node, epoch)
  return {
    ...{ epoch, attempt, orderedMsAgo: Math.round(view.nowMs - orderedMs) },
    outcome: report?.outcome ?? null,
    why: doubt ?? 'every device was read off twice',
  }
}
