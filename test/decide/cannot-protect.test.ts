// A node whose watchdog can prove nothing is shown as one that cannot protect, with the reason.
import { expect, test } from 'vitest'
import { nodeStatus } from '../../control-plane/cluster/status.ts'
import { whyNotUsable } from '../../control-plane/crm/decide/node-classes.ts'
import type { ClusterView, NodeView } from '../../control-plane/cluster/view.ts'
import { aNode, buildView, nowMs } from './build-view.ts'
import { anOrder, bmc, revoked, saidOff } from './fence-rig.ts'

const held = {
  class: 'none',
  identity: 'iTCO_wdt',
  effectiveMs: 20_000,
  note: '/dev/watchdog0 is held by sbd (pid 77): stop sbd',
} as const
const guest = { class: 'qualified', identity: 'i6300esb', effectiveMs: 10_000 } as const

const view = buildView({
  nodes: [
    aNode('n1', { watchdog: held }),
    aNode('n2'),
    aNode('n3', { virtual: true, watchdog: guest }),
    aNode('n4', { virtual: true, watchdog: { ...guest, outsideClock: 'rtc0' } }),
  ],
})
const shown = (name: string) => nodeStatus(view, view.nodes[name]!)

test('one whose device another program has gets nothing, and status and API name that program', () => {
  expect(whyNotUsable(view.nodes.n1!, 'process', view.nowMs)).toBe(
    `it has no watchdog: ${held.note}`,
  )
  expect(shown('n1').watchdog).toMatchObject({ protects: false, cannotProtect: held.note })
  expect(shown('n1').note).toBe(`cannot protect: ${held.note}`)
  expect(shown('n2').watchdog.cannotProtect).toBe(null)
  expect(shown('n2').note).toBe('')
})

test('a virtual machine says what it lacks to be trusted', () => {
  expect(shown('n3').watchdog.cannotProtect).toContain('trustVirtualWatchdog is no')
  view.settings.trustVirtualWatchdog = true
  expect(shown('n3').watchdog.cannotProtect).toContain('without a clock of its hypervisor')
  expect(shown('n4').watchdog.cannotProtect).toBe(null)
})

test('a virtual machine with a fence device is protected, whatever its watchdog is worth (rule 13)', () => {
  const fenceDevices = [bmc]
  const n5 = aNode('n5', { virtual: true, watchdog: guest, fenceDevices })
  expect(nodeStatus(view, n5).watchdog).toMatchObject({ protects: true, cannotProtect: null })
  expect(nodeStatus(view, n5).fenceDevices).toEqual([
    { name: 'bmc', kind: 'redfish', doubt: '', checkedMsAgo: null },
  ])
  // A device that cannot be relied on protects nobody.
  const checked = { bootId: 'b', state: null, isExpected: false, fault: 'no route', atMs: 0 }
  const dark = { ...n5, fenceDevices: [{ ...bmc, checked }] }
  view.settings.trustVirtualWatchdog = false
  expect(nodeStatus(view, dark).watchdog).toMatchObject({ protects: false })
  expect(nodeStatus(view, dark).watchdog.cannotProtect).toContain('trustVirtualWatchdog')
  expect(nodeStatus(view, dark).fenceDevices![0]!.doubt).toBe('no route')
  // But nothing is ever started where there is no watchdog at all.
  const n6 = aNode('n6', { watchdog: held, fenceDevices })
  expect(nodeStatus(view, n6).watchdog.cannotProtect).toBe(held.note)
})

test('a node that its fence device has switched off says so, and what came of each attempt is shown', () => {
  const off = revoked({ revocations: [], fenceOrder: anOrder([saidOff()]) })
  expect(nodeStatus(view, off).note).toContain('stays off until somebody switches it on')
  const failed = revoked({ fenceOrder: anOrder([saidOff({ fault: 'no route' })], { attempt: 3 }) })
  expect(nodeStatus(view, failed).fenceOrder).toEqual({
    ...{ epoch: 3, attempt: 3, orderedMsAgo: 10_000, outcome: 'off', why: 'bmc: no route' },
  })
  expect(nodeStatus(view, aNode('n7')).fenceOrder).toBeNull()
})

test('a node that was switched off and not on again says so, and why', () => {
  const off = revoked({ revocations: [], fenceOrder: anOrder([saidOff()]) })
  const why = (node: NodeView, more: Partial<ClusterView> = {}) =>
    nodeStatus({ ...view, ...more }, node).fenceOrder!.why
  expect(why(off)).toContain('stays off until somebody switches it on')
  const settings = { ...view.settings, afterFence: 'power-on' as const }
  expect(why(off, { settings })).toContain('told to switch it on, again and again')
  const planeEpoch = { ...view.planeEpoch, quarantineUntilMs: nowMs }
  const quarantined = { settings, planeEpoch }
  expect(why(off, quarantined)).toContain('is not switched on: the cluster is in quarantine')
  expect(nodeStatus({ ...view, settings, planeEpoch }, off).note).toContain('in quarantine')
  expect(why({ ...off, maintenanceRequested: true }, { settings })).toContain('in maintenance')
  const anew = { ...off, fenceDevices: [{ ...bmc, uid: 'u2' }] }
  expect(nodeStatus({ ...view, settings }, anew).note).toContain('set up anew')
  const later = { settings, nowMs: nowMs + 4 * 86_400_000 }
  expect(why(off, later)).toContain('failed for three days')
  // What was heard since is not off.
  const heard = { ...off, lease: { ...off.lease, reportedMs: nowMs - 1_000 } }
  expect(why(heard, { settings })).toBe('every device was read off twice')
})
