// Nodes with fence devices for tests of the decision: one device set up, one order, one report that proves it, each with
// whatever a test says otherwise. Data only.
import type {
  FencedDeviceView,
  FenceDeviceView,
  FenceOrderView,
  PowerReading,
  PowerState,
} from '../../control-plane/cluster/fence-view.ts'
import type { NodeView } from '../../control-plane/cluster/view.ts'
import { aNode, aService, buildView, nowMs, silentNode, type NodeChanges } from './build-view.ts'

export const uuidOfN3 = '11111111-2222-4333-8444-555555555555'

export const bmc: FenceDeviceView = {
  name: 'bmc',
  kind: 'redfish',
  uid: 'u1',
  expects: { uuid: uuidOfN3, serial: null },
}

export function aReading(
  askedMs: number,
  state: PowerState = 'off',
  more: Partial<PowerReading> = {},
) {
  const identity = { uuid: uuidOfN3, serial: 'S1' }
  return { state, identity, askedMs, answeredMs: askedMs + 50, at: 'then', ...more }
}

/** Commanded at 100, read off at 1,000 and at 3,000 of its process's clock. */
export function saidOff(more: Partial<FencedDeviceView> = {}): FencedDeviceView {
  const readings = [aReading(1_000), aReading(3_000)]
  return { name: 'bmc', uid: 'u1', before: 'on', commandedMs: 100, readings, fault: '', ...more }
}

/** Attempt 1 for epoch 3, given ten seconds ago and reported two seconds ago. */
export function anOrder(
  devices: FencedDeviceView[] | null,
  more: Partial<FenceOrderView> = {},
): FenceOrderView {
  const report = devices === null ? null : { atMs: nowMs - 2_000, outcome: 'off' as const, devices }
  return { epoch: 3, attempt: 1, uid: '1.199.1', orderedMs: nowMs - 10_000, report, ...more }
}

/** n3, silent for `silentMs` with a device, and found so in time: before its deadline, and its epoch not yet revoked. */
export function fenced(silentMs: number, changes: NodeChanges = {}): NodeView {
  const found = { state: 'unknown' as const, sinceMs: nowMs - silentMs + 9_000 }
  return silentNode('n3', { fenceDevices: [bmc], ...found, ...changes }, silentMs)
}

/** n3 in fence: epoch 3 revoked five seconds ago, its deadline half a minute ahead. */
export function revoked(changes: NodeChanges = {}): NodeView {
  const leaseUntilMs = nowMs + 30_000
  const revocation = {
    ...{ epoch: 3, bootId: 'n3-boot-1', leaseUntilMs, judgedUntilMs: leaseUntilMs },
    ...{ guarded: true, revokedMs: nowMs - 12_000 },
  }
  return fenced(31_000, {
    state: 'fence',
    revocations: [revocation],
    ...changes,
    lease: { epoch: 4, bootId: null, armed: false, guarded: null, ...changes.lease },
  })
}

export const web = 'process:web'

/** n3 as given, with `web`, which it held. */
export const started = (n3: NodeView, more: Parameters<typeof buildView>[0] = {}) =>
  buildView({ nodes: [aNode('n1'), aNode('n2'), n3], services: [aService(web, 'n3')], ...more })

/** The same, and `web` waits for proof that n3 is dead. */
export const waiting = (n3: NodeView) => {
  const view = started(n3)
  const service = view.services[web]!
  service.status = { ...service.status!, state: 'fence', running: false }
  return view
}
