// Whether a virtual machine that is off counts as one that has ended there: it was seen on before, and has not left since.
import { expect, test } from 'vitest'
import type {
  DeviceCheckView,
  FencedDeviceView,
  FenceDeviceView,
  PowerState,
} from '../../control-plane/cluster/fence-view.ts'
import { foundOn } from '../../control-plane/fence/found-on.ts'

const seen: DeviceCheckView = { bootId: 'b1', state: 'on', isExpected: true, fault: '', atMs: 0 }
const device = (more: Partial<FenceDeviceView> = {}): FenceDeviceView => ({
  ...{ name: 'hv', kind: 'libvirt', uid: 'u1', expects: { uuid: 'x', serial: null } },
  ...{ checked: seen, ...more },
})
const attempt = (before: PowerState | null, uid = 'u1'): FencedDeviceView[] => [
  { name: 'hv', uid, before, commandedMs: null, readings: [], fault: '' },
]
const isFoundOn = (one: FenceDeviceView, ...befores: (PowerState | null)[]) =>
  foundOn(
    [one],
    befores.map((before) => attempt(before)),
    'b1',
  ).length === 1

test('seen on in that boot, or found on by the last attempt that reached it', () => {
  expect(isFoundOn(device())).toBe(true)
  expect(isFoundOn(device({ checked: null }))).toBe(false)
  expect(isFoundOn(device({ checked: { ...seen, bootId: 'b0' } }))).toBe(false)
  expect(isFoundOn(device({ checked: null }), 'on')).toBe(true)
  expect(isFoundOn(device({ checked: null }), 'paused', null)).toBe(true)
  expect(isFoundOn(device({ checked: null }), null)).toBe(false)
})

test('not where an attempt has found it on its way or gone since: it may have left', () => {
  expect(isFoundOn(device(), 'on', 'unknown')).toBe(false)
  expect(isFoundOn(device(), 'on', 'changing', null)).toBe(false)
  expect(isFoundOn(device(), 'unknown')).toBe(false)
  expect(isFoundOn(device(), 'unknown', 'on')).toBe(true)
})

test('what a local site’s supervisor is about to switch is still there', () => {
  expect(isFoundOn(device({ kind: 'simulated' }), 'changing')).toBe(true)
})

test('not by a device that was set up anew since, nor of a kind that says off of what went elsewhere', () => {
  expect(foundOn([device({ checked: null })], [attempt('on', 'u0')], 'b1')).toEqual([])
  expect(isFoundOn(device({ kind: 'redfish' }), 'on')).toBe(false)
})
