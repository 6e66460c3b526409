// What ha-manager status says of drills and late agents: what is due and what is wrong at once, the figures on demand.
import { expect, test } from 'vitest'
import { formatStatus } from '../../control-plane/cli/status-text.ts'
import type { Status } from '../../shared/operator-api.ts'

const watchdog: Status['nodes'][number]['watchdog'] = {
  class: 'qualified',
  ...{ identity: 'i6300ESB timer', effectiveMs: 10_000, armed: true, protects: true },
}
const node = (name: string, more: Partial<Status['nodes'][number]> = {}) =>
  ({
    ...{ name, uid: name, state: 'online', leaseRemainingMs: 58_000, mode: 'active', epoch: 3 },
    ...{ lrmState: 'active', watchdog, services: 1, activeServices: 1, virtual: false, note: '' },
    ...{ maintenanceRequested: false, ...more },
  }) as Status['nodes'][number]
const of = (nodes: Status['nodes']): Status => ({
  cluster: { name: 'lab', uuid: 'u', development: true },
  quorum: { quorate: true, policy: 'plane', reporting: 1, nodes: nodes.length },
  crm: { replica: 'plane-1', round: 12, lastRoundMsAgo: 200, planeEpoch: 1, quarantine: null },
  fencing: { state: 'armed', mode: null, waitsFor: '' },
  ...{ profile: 'default', nodes, services: [], ignoredRules: [], jobs: [], schedules: [] },
  nMinusOne: { services: 0, unprotected: [] },
  replicas: [],
})

test('watchdogs that are due for a drill are named together, by the reason', () => {
  const due = { watchdog: { ...watchdog, drillDue: 'its watchdog was never drilled' } }
  expect(formatStatus(of([node('n1', due), node('n2', due), node('n3')]))).toContain(
    'drill due on n1 n2: its watchdog was never drilled (ha-manager drill NODE)',
  )
  expect(formatStatus(of([node('n3')]))).not.toContain('drill')
})

test('a warning about a node bears its name', () => {
  const late = { warnings: ['its agent stood still for 3 s'] }
  expect(formatStatus(of([node('n1', late)]))).toContain('n1: its agent stood still for 3 s')
})

test('figures of late agents, drills and last lives are shown on demand', () => {
  const told = node('n1', {
    stalls: { worstMs: 41.2, worstAgoMs: 5, counts: [97, 2, 1, 0, 0, 0, 0, 0, 0] },
    lastEnd: { uid: 'b', kind: 'watchdog-reset', why: 'its watchdog reset it', bootStatus: 32 },
    watchdog: {
      ...watchdog,
      lastDrill: {
        ...{ uid: 'd', outcome: 'fired', atMs: Date.UTC(2026, 10, 26), identity: 'i6300ESB timer' },
        ...{ configuredMs: 10_000, livedAtLeastMs: 9_900, livedAtMostMs: 14_000, detail: '' },
        ...{ effectiveMs: 10_000, awayMs: 40_000, bootStatus: 32 },
      },
    },
  })
  expect(formatStatus(of([told]))).not.toContain('41 ms')
  const text = formatStatus(of([told, node('n2')]), true)
  expect(text).toContain('41 ms, ≤ 25 ms')
  expect(text).toContain('2026-11-26: fired, W 10.0 s, away 40.0 s')
  expect(text).toContain('its watchdog reset it')
  expect(text).toMatch(/n2 +- +never +ended in order, or not known/)
})
