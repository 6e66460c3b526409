// The fence devices of a node as people are told about them. Pure, and without secrets.
import type { z } from 'zod'
import type { StatusNode as NodeBody } from '../../shared/operator-api.ts'
import { doubtAboutDevices } from './apply-fence.ts'
import { isHandsOff } from './disarm.ts'
import type { FenceDeviceView, FenceReportView } from './fence-view.ts'
import type { ClusterView, NodeView } from './view.ts'

/** So long it is tried at least (jobs/queues.ts). */
const triedForMs = 3 * 86_400_000

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
    why: doubt ?? ['every device was read off twice', leftOff(view, node) ?? []].flat().join('; '),
  }
}

/** That its devices have switched it off and nobody has heard of it since, and who switches it on; null: it is not so. */
export function leftOff(view: ClusterView, node: NodeView): string | null {
  const { fenceOrder, lease } = node
  const isOver = fenceOrder !== undefined && fenceOrder !== null && fenceOrder.epoch < lease.epoch
  if (!isOver || fenceOrder.report?.outcome !== 'off' || lease.bootId !== null) return null
  const { atMs } = fenceOrder.report
  const heard = [lease.renewedMs, lease.reportedMs, node.epochRequest?.requestedMs ?? null]
  if (heard.some((ms) => ms !== null && ms > atMs)) return null
  if (view.settings.afterFence !== 'power-on') return 'it stays off until somebody switches it on'
  const obstacle = whyNotOn(view, node, fenceOrder.report)
  if (obstacle !== null) return `it is off, and is not switched on: ${obstacle}`
  return 'it is off: its fence device is told to switch it on, again and again until it is heard or a person confirms its death'
}

/** As the job that switches it on has it (fence/fence-store.ts). */
function whyNotOn(view: ClusterView, node: NodeView, report: FenceReportView): string | null {
  if (view.nowMs - report.atMs > triedForMs) return 'that has failed for three days'
  if (node.maintenanceRequested) return 'it is in maintenance'
  if (isHandsOff(view)) return 'the cluster is disarmed'
  const setUps = ({ name, uid }: Pick<FenceDeviceView, 'name' | 'uid'>) => `${name} ${uid}`
  const now = (node.fenceDevices ?? []).map(setUps).toSorted().join()
  if (now !== report.devices.map(setUps).toSorted().join())
    return 'its fence devices were set up anew since'
  return view.planeEpoch.quarantineUntilMs === null ? null : 'the cluster is in quarantine'
}
