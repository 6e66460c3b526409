// Orders to fence devices in the memory store: the conditions of fence/fence-store.ts. Pure but for `memoryFenceStore`, which
// is the way to the database. Devices have no secrets here.
import type { FencedDeviceView, FenceDeviceView } from '../../cluster/fence-view.ts'
import { readingGapMs } from '../../cluster/fence-proof.ts'
import { isSameJson } from '../../cluster/same-json.ts'
import {
  type FenceStore,
  type FenceTask,
  type OrderName,
  outcomeOf,
  setUpsOf,
  type StoredDevice,
  type SwitchOnTask,
} from '../../fence/fence-store.ts'
import { foundOn } from '../../fence/found-on.ts'
import { type ReadMoment, readBounds } from '../../fence/read-moment.ts'
import type { MemoryDatabase } from './database.ts'
import { type ClusterState, holdersOf, nodeNamed, type StoredNode, withNode } from './state.ts'
import type { Access } from './stores.ts'

/** So many reports of a node are remembered. */
const keptReports = 50

export function memoryFenceStore(
  database: MemoryDatabase,
  { trip }: Pick<Access, 'trip'>,
): FenceStore {
  return {
    take: (name) => trip(() => takeOrder(database.cluster(name.clusterId), name, database.now())),
    isInForce: (task) =>
      trip(() => isInForce(database.cluster(task.clusterId), task, database.now())),
    takeOn: (name) => trip(() => takeOn(database.cluster(name.clusterId), name)),
    report: (task, devices, read) =>
      trip(() =>
        database.commit(task.clusterId, (state, { nowMs }) => ({
          state: reportOrder(state, task, devices, read, nowMs),
          result: undefined,
        })),
      ),
  }
}

/** Sets a device up, as a new one, or anew where there is one of that name. */
export function putFenceDevice(
  state: ClusterState,
  nodeUid: string,
  device: FenceDeviceView,
): ClusterState {
  const node = state.nodes[nodeUid]
  if (!node) return state
  const known = node.view.fenceDevices ?? []
  const isKnown = known.some((one) => one.name === device.name)
  const fenceDevices = isKnown
    ? known.map((one) => (one.name === device.name ? device : one))
    : [...known, device]
  return withNode(state, { ...node, view: { ...node.view, fenceDevices } })
}

export function deleteFenceDevice(
  state: ClusterState,
  nodeUid: string,
  name: string,
): ClusterState {
  const node = state.nodes[nodeUid]
  if (!node) return state
  const { fenceDevices = [], ...view } = node.view
  const left = fenceDevices.filter((one) => one.name !== name)
  const has = left.length > 0 ? { fenceDevices: left } : {}
  return withNode(state, { ...node, view: { ...view, ...has } })
}

function takeOrder(state: ClusterState, name: OrderName, nowMs: number): FenceTask | null {
  const node = nodeNamed(state, name.node)
  const order = node?.view.fenceOrder
  if (!node || order?.uid !== name.order || order.epoch !== name.epoch) return null
  const { timing, afterFence } = state.settings
  const { virtual, watchdog } = node.view
  const bootId = node.revocations.find((one) => one.epoch === name.epoch)?.bootId ?? null
  const powersOn = afterFence === 'power-on'
  const devices = node.view.fenceDevices ?? []
  const reports = (node.fenceReports ?? []).filter(({ epoch }) => epoch === name.epoch)
  const task: FenceTask = {
    ...{ ...name, nodeUid: node.view.uid, attempt: order.attempt, silentMs: timing.silentMs },
    devices: storedDevices(devices, name.node),
    needs: { gapMs: readingGapMs(timing), canMove: node.view.virtual },
    wasOn: foundOn(
      devices,
      reports.map((one) => one.devices),
      bootId,
    ),
    ...{ bootId, powersOn, deafToNewLife: powersOn && virtual && watchdog.class !== 'simulated' },
    takenMs: nowMs,
  }
  return isInForce(state, task, nowMs) ? task : null
}

function isInForce(state: ClusterState, task: FenceTask, nowMs: number): boolean {
  const node = state.nodes[task.nodeUid]
  if (!node || node.isRemoved || state.planeEpoch.quarantineUntilMs !== null) return false
  if (!state.quorate) return false
  if (state.disarm !== null && state.disarm.effectiveMs !== null) return false
  const { fenceOrder, epochRequest, fenceDevices = [] } = node.view
  if (!isSameJson(setUpsOf(fenceDevices), setUpsOf(task.devices))) return false
  if (fenceOrder?.uid !== task.order || fenceOrder.epoch !== task.epoch) return false
  const isAsking =
    epochRequest?.sameHardware === true &&
    epochRequest.requestedMs > nowMs - task.silentMs &&
    (!task.deafToNewLife || epochRequest.bootId === task.bootId)
  const holds = holdersOf(state, task.node).some(({ holder }) => holder.epoch === task.epoch)
  return holds && !isAsking && !isReportedOff(node, task.order)
}

function takeOn(state: ClusterState, name: OrderName): SwitchOnTask | null {
  const node = nodeNamed(state, name.node)
  const order = node?.view.fenceOrder
  if (!node || order?.uid !== name.order || order.epoch !== name.epoch) return null
  if (state.settings.afterFence !== 'power-on' || node.view.maintenanceRequested) return null
  if (state.disarm !== null && state.disarm.effectiveMs !== null) return null
  const { lease, epochRequest, fenceDevices = [] } = node.view
  const { report } = order
  if (report && !isSameJson(setUpsOf(report.devices), setUpsOf(fenceDevices))) return null
  const offMs = report?.atMs ?? Infinity
  const heard = [lease.renewedMs, lease.reportedMs, epochRequest?.requestedMs ?? null]
  if (heard.some((ms) => ms !== null && ms > offMs)) return null
  const deaths = (node.deaths ?? []).filter(({ epoch }) => epoch === name.epoch)
  if (deaths.some(({ evidence }) => evidence === 'operator')) return null
  const isProved = deaths.some(
    (death) => death.evidence === 'watchdog-deadline' || death.order === name.order,
  )
  const holds = holdersOf(state, name.node).some(({ holder }) => holder.epoch === name.epoch)
  const isQuarantine = state.planeEpoch.quarantineUntilMs !== null
  return {
    isSettled: !isQuarantine && isReportedOff(node, name.order) && isProved && !holds,
    devices: storedDevices(fenceDevices, name.node),
  }
}

/** Devices have no secrets here, and are found by their node. */
function storedDevices(devices: readonly FenceDeviceView[], node: string): StoredDevice[] {
  return devices.map((device) => ({ ...device, options: { node }, secret: null }))
}

function isReportedOff({ fenceReports }: StoredNode, order: string): boolean {
  return (fenceReports ?? []).some((one) => one.order === order && one.outcome === 'off')
}

function reportOrder(
  state: ClusterState,
  task: FenceTask,
  devices: FencedDeviceView[],
  read: ReadMoment,
  nowMs: number,
): ClusterState {
  const node = state.nodes[task.nodeUid]
  const order = node?.view.fenceOrder
  if (!node || order?.uid !== task.order) return state
  const { outcome } = outcomeOf(task, devices)
  const known = node.fenceReports ?? []
  const earlier = known.find((one) => one.order === task.order)
  if (earlier && (earlier.outcome === 'off' || outcome === 'failed')) return state
  const { latestMs, agoMs } = readBounds(task.takenMs, read)
  const atMs = outcome === 'off' ? Math.min(latestMs, nowMs - agoMs) : nowMs
  const report = { epoch: task.epoch, order: task.order, outcome, devices }
  const fenceReports = [...known.filter((one) => one !== earlier), report].slice(-keptReports)
  const view = { ...node.view, fenceOrder: { ...order, report: { atMs, outcome, devices } } }
  return withNode(state, { ...node, view, fenceReports })
}
