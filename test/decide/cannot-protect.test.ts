// A node whose watchdog can prove nothing is shown as one that cannot protect, with the reason.
import { expect, test } from 'vitest'
import { nodeStatus } from '../../control-plane/cluster/status.ts'
import { whyNotUsable } from '../../control-plane/crm/decide/node-classes.ts'
import { aNode, buildView } from './build-view.ts'

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
