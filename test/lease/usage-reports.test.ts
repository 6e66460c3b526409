// What nodes use comes with their renewals, and holds none of them up: on real Postgres, through the agents' own route.
import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { agentRoutes } from '../../control-plane/http/routes/agent.ts'
import { DesiredPolls } from '../../control-plane/lease/desired-polls.ts'
import type { Renewals } from '../../control-plane/lease/renewals.ts'
import { UsageReports } from '../../control-plane/lease/usage-reports.ts'
import { postgresAgentStore } from '../../control-plane/store/agent-store.ts'
import { loadView } from '../../control-plane/store/load-view.ts'
import { writeNodeUsage } from '../../control-plane/store/node-usage.ts'
import { systemClock, systemTimers } from '../../shared/clock.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'
import { systemRandom } from '../../shared/random.ts'
import type { NodeUsage } from '../../shared/scheduling.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, makeRenewals, request, type TestCluster } from './fleet.ts'

const database = testDatabase()
const log = pino({ level: 'silent' })
let cluster: TestCluster
let renewals: Renewals
let usage: UsageReports
const rung: number[] = []
const ring = (id: number) => void rung.push(id)

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'lab')
  renewals = makeRenewals(database.url, ring)
  usage = new UsageReports({
    write: (rows) => writeNodeUsage(database.sql, rows),
    timers: systemTimers,
    log,
  })
})
afterAll(async () => {
  usage.close()
  await renewals.close()
})

const used: NodeUsage = {
  node: { cpus: 1.5, memoryBytes: 2e9 },
  services: [
    { sid: 'process:web', cpus: 0.25, memoryBytes: 1e8 },
    { sid: 'process:db', cpus: 1, memoryBytes: 1e9 },
  ],
}

type Node = Awaited<ReturnType<typeof makeNode>>

async function post(node: Node, body: LeaseRequest, reports: Pick<UsageReports, 'note'> = usage) {
  const store = postgresAgentStore(database.sql, systemRandom())
  const polls = new DesiredPolls()
  const app = agentRoutes({
    store,
    clock: systemClock(),
    log,
    renewals,
    polls,
    ring,
    usage: reports,
  })
  const text = JSON.stringify(body)
  const response = await app.request('/lease', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${node.credential}`,
      'content-length': `${Buffer.byteLength(text)}`,
    },
    body: text,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const view = async () => (await loadView(database.sql, cluster.id))!
const node = (name: string) => makeNode(database.sql, cluster, name)

async function runsOn(one: Node, sid: string) {
  await database.sql`
    insert into service_status (cluster_id, sid, state, node_uid, since, note, record)
    values (${cluster.id}, ${sid}, 'started', ${one.uid}, clock_timestamp(), '', '{}')`
}

test('what a node and the services on it use is in the view that the CRM reads; no other node’s word counts', async () => {
  const [n1, n2] = [await node('n1'), await node('n2')]
  await runsOn(n1, 'process:web')
  await runsOn(n2, 'process:db')
  expect((await post(n1, request(cluster, n1, 1, { usage: used }))).status).toBe(200)
  await vi.waitFor(async () => expect((await view()).nodes.n1?.usage).toEqual(used.node), {
    timeout: 10_000,
    interval: 100,
  })
  const { nodes, services } = await view()
  expect(services['process:web']?.usage).toEqual({ cpus: 0.25, memoryBytes: 1e8 })
  expect(services['process:db']?.usage ?? null).toBeNull() // it is on n2, which has said nothing
  expect(nodes.n2?.usage ?? null).toBeNull()
})

test('usage is no news: the report is not written again, and nobody is rung for', async () => {
  const n = await node('quiet')
  await post(n, request(cluster, n, 1))
  const stored = async () =>
    (await database.sql`select seq::int, at from node_report where node_uid = ${n.uid}`)[0]
  const before = await stored()
  // Until the CRM has judged a node, each renewal of it rings.
  await database.sql`
    insert into node_status (node_uid, cluster_id, state, since, note)
    values (${n.uid}, ${cluster.id}, 'online', clock_timestamp(), '')`
  rung.length = 0
  await post(n, request(cluster, n, 2, { usage: used }))
  await post(n, request(cluster, n, 3, { usage: { ...used, services: [] } }))
  expect(await stored()).toEqual(before)
  expect(rung).toEqual([])
})

test('renewals are granted while nobody can write usage, and it is written when somebody can', async () => {
  const n = await node('held-up')
  const holder = await database.sql.reserve()
  await holder`begin`
  await holder`lock table node_usage in access exclusive mode`
  try {
    for (const seq of [1, 2, 3]) {
      const startedMs = performance.now()
      expect((await post(n, request(cluster, n, seq, { usage: used }))).status).toBe(200)
      expect(performance.now() - startedMs).toBeLessThan(900) // less than the wait before it is written
    }
  } finally {
    await holder`rollback`
    holder.release()
  }
  await vi.waitFor(async () => expect((await view()).nodes['held-up']?.usage).toEqual(used.node), {
    timeout: 10_000,
    interval: 100,
  })
})

test('a failed write costs one report of each node, and is said once', async () => {
  const warned: unknown[] = []
  const written: string[][] = []
  let fails = 2
  const write = async (rows: { nodeUid: string }[]) => {
    if (fails-- > 0) throw new Error('down')
    written.push(rows.map((row) => row.nodeUid))
  }
  const calls = new Set<{ call: () => void }>()
  const timers = {
    set(call: () => void) {
      const timer = { call }
      calls.add(timer)
      return timer
    },
    clear: (timer: object | null) => void calls.delete(timer as { call: () => void }),
  }
  const reports = new UsageReports({
    write,
    timers,
    log: { warn: (...words: unknown[]) => void warned.push(words) } as never,
  })
  const nextTurn = async () => {
    const due = [...calls]
    calls.clear()
    for (const { call } of due) call()
    await new Promise(setImmediate)
  }
  for (const uid of ['a', 'b', 'c']) {
    reports.note(1, uid, used)
    reports.note(1, uid, used) // the newest of each node only
    await nextTurn()
  }
  expect(written).toEqual([['c']])
  expect(warned).toHaveLength(1)
})

test.each([
  [{ node: { cpus: -1, memoryBytes: 0 }, services: [] }, 'usage.node.cpus'],
  [{ node: { cpus: 1, memoryBytes: 0.5 }, services: [] }, 'usage.node.memoryBytes'],
  [{ ...used, services: [{ sid: 'web', cpus: 1, memoryBytes: 1 }] }, 'usage.services.0.sid'],
  [{ ...used, load: 1 }, 'usage'],
])('what is no usage is refused by its field: %j', async (bad, field) => {
  const n = await node(`bad-${Math.floor(performance.now() * 1000)}`)
  const answer = await post(n, request(cluster, n, 1, { usage: bad as never }))
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({
    code: 'invalid',
    detail: expect.stringMatching(`^${field}:`),
  })
})

test('a node that was removed leaves no usage behind, and holds up nobody else’s', async () => {
  const [gone, stays] = [await node('gone'), await node('stays')]
  await database.sql`update node set removed_at = clock_timestamp() where uid = ${gone.uid}`
  await writeNodeUsage(database.sql, [
    { clusterId: cluster.id, nodeUid: gone.uid, usage: used },
    { clusterId: cluster.id, nodeUid: stays.uid, usage: used },
    { clusterId: cluster.id + 1, nodeUid: stays.uid, usage: { ...used, services: [] } },
  ])
  const rows = await database.sql`
    select node_uid from node_usage where node_uid in (${gone.uid}, ${stays.uid})`
  expect(rows.map((row) => row.node_uid)).toEqual([stays.uid])
})
