// What nodes tell of their machines comes with their renewals, is kept, and is told of once: on real Postgres.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import pino from 'pino'
import { HealthReports } from '../../control-plane/lease/usage-reports.ts'
import { loadView } from '../../control-plane/store/load-view.ts'
import { writeNodeHealth } from '../../control-plane/store/node-health.ts'
import { LeaseRequest } from '../../shared/protocol.ts'
import { systemTimers } from '../../shared/clock.ts'
import type { NodeHealth } from '../../shared/node-health.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, request, type TestCluster } from './fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let reports: HealthReports
beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'lab')
  const write = (rows: Parameters<typeof writeNodeHealth>[1]) => writeNodeHealth(database.sql, rows)
  reports = new HealthReports({ write, timers: systemTimers, log: pino({ level: 'silent' }) })
})
afterAll(() => reports.close())

const told: NodeHealth = {
  lastEnd: { uid: 'boot-2', kind: 'watchdog-reset', why: 'not fed', bootStatus: 32 },
  stalls: { worstMs: 12, worstAgoMs: 100, counts: [5, 1, 0, 0, 0, 0, 0, 0, 0] },
  drill: null,
}

test('a node’s health is in the view that the CRM reads, the newest of it, and no other node’s', async () => {
  const [n1, n2] = [
    await makeNode(database.sql, cluster, 'n1'),
    await makeNode(database.sql, cluster, 'n2'),
  ]
  reports.note(cluster.id, n1.uid, { ...told, stalls: null })
  reports.note(cluster.id, n1.uid, told)
  reports.note(cluster.id + 1, n2.uid, told)
  const view = async () => (await loadView(database.sql, cluster.id))!
  await vi.waitFor(async () => expect((await view()).nodes.n1?.health).toEqual(told), {
    timeout: 10_000,
    interval: 100,
  })
  const { nodes } = await view()
  expect(nodes.n2?.health ?? null).toBeNull()
  expect(nodes.n1?.toldEnd).toBe('')
})

test('a renewal may carry it or not, and what is no health is refused', async () => {
  const n = await makeNode(database.sql, cluster, 'n3')
  const body = (more: object) => LeaseRequest.safeParse({ ...request(cluster, n, 1), ...more })
  expect(body({}).success).toBe(true)
  expect(body({ health: told }).success).toBe(true)
  expect(body({ health: { ...told, stalls: { ...told.stalls, counts: [1] } } }).success).toBe(false)
  expect(body({ health: { ...told, mood: 'good' } }).success).toBe(false)
})
