// S8: a node learns of all services that somebody else could start on it, also one that was away when they were added: from a
// whole replica on real Postgres, through the agent's own client. To agents of an older version nothing is different.
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createControlPlaneClient } from '../../agent/control-plane-client.ts'
import { managedReader } from '../../control-plane/http/managed-services.ts'
import { type Plane, startPlane } from '../../control-plane/plane.ts'
import { postgresAgentStore } from '../../control-plane/store/agent-store.ts'
import type { KnownNode } from '../../control-plane/store/nodes.ts'
import { Desired } from '../../shared/protocol.ts'
import { systemRandom } from '../../shared/random.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster, type TestNode } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let plane: Plane
let node: TestNode

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'lab')
  node = await makeNode(database.sql, cluster, 'n1')
  await database.sql`update node set drivers = '["process", "systemd", "ct"]'`
  plane = await startPlane(
    {
      ...{ databaseUrl: database.url, host: '127.0.0.1', port: 0, replica: 'test' },
      ...{ url: 'http://127.0.0.1', logLevel: 'silent' },
    },
    pino({ level: process.env.LOG ?? 'silent' }),
  )
})
afterAll(() => plane.close())

const url = () => `http://127.0.0.1:${plane.port}`
const client = () =>
  createControlPlaneClient({ urls: [url()], credential: node.credential, random: systemRandom() })

async function add(sid: string, spec: object, requested = 'started') {
  await database.sql`
    insert into service (cluster_id, sid, requested, spec)
    values (${cluster.id}, ${sid}, ${requested}, ${JSON.stringify(spec)}::text::jsonb)`
  await ring()
}
const ring = () =>
  database.sql`update crm set next_round_at = clock_timestamp() where cluster_id = ${cluster.id}`

/** The orders as they are now, once there are any. */
async function orders(has = { planeEpoch: 0, revision: 0 }, waitMs = 0) {
  const one = client()
  const reply = await one.desired({ ...has, waitMs }, new AbortController().signal)
  await one.close()
  if (reply.kind !== 'ok') throw new Error(JSON.stringify(reply))
  return reply
}
async function list() {
  const one = client()
  const reply = await one.managed(5_000)
  await one.close()
  if (reply.kind !== 'ok') throw new Error(JSON.stringify(reply))
  return reply.answer
}
const soon = { timeout: 10_000, interval: 50 }
const sids = async () => (await list()).services.map(({ sid }) => sid)

test('what nobody else could start is not told', async () => {
  await add('process:web', { command: ['/bin/true'] })
  await expect.poll(async () => (await orders()).answer?.probes, soon).toEqual(['process:web'])
  expect(await orders()).toMatchObject({ managed: 'none' })
  expect(await list()).toEqual({ digest: 'none', services: [] })
})

test('every other one is told by what a host can tell it, whatever is wished of it; what is ignored, is not', async () => {
  await add('systemd:db', {})
  await add('ct:100', { container: 'a' }, 'stopped')
  await add('systemd:off', { unit: 'x.service' }, 'disabled')
  await add('systemd:mine', {}, 'ignored')
  await add('vm:1', { xml: '' })
  await expect.poll(sids, soon).toEqual(['ct:100', 'systemd:db', 'systemd:off'])
  expect((await list()).services).toEqual([
    { sid: 'ct:100', spec: { container: 'a' } },
    { sid: 'systemd:db', spec: {} },
    { sid: 'systemd:off', spec: { unit: 'x.service' } },
  ])
})

test('the orders say which list they came with; another one is another revision, and ends a poll that is parked', async () => {
  const { answer, managed } = await orders()
  expect((await list()).digest).toBe(managed)
  const has = { planeEpoch: answer!.planeEpoch.number, revision: answer!.revision }
  expect(await orders(has)).toMatchObject({ answer: null, managed })
  const parked = orders(has, 20_000)
  await database.sql`update service set spec = '{"unit": "y.service"}' where sid = 'systemd:off'`
  await ring()
  const next = await parked
  expect(next.answer!.revision).toBeGreaterThan(has.revision)
  expect(next.managed).not.toBe(managed)
  expect((await list()).digest).toBe(next.managed)
  expect((await list()).services).toContainEqual({
    sid: 'systemd:off',
    spec: { unit: 'y.service' },
  })
})

test('what was changed and changed back between two rounds is told with the digest of what was read', async () => {
  const { managed } = await orders()
  const spec = (unit: string) =>
    database.sql`update service set spec = ${JSON.stringify({ unit })}::text::jsonb where sid = 'systemd:off'`
  // A replica that has not read the list before; no round runs in between.
  const read = managedReader(postgresAgentStore(database.sql, systemRandom()))
  const known = { clusterId: cluster.id, nodeUid: node.uid } as KnownNode
  await database.sql`update crm set next_round_at = clock_timestamp() + interval '1 hour'`
  await spec('between.service')
  const between = await read(known)
  expect(between.services).toContainEqual({ sid: 'systemd:off', spec: { unit: 'between.service' } })
  expect(between.digest).not.toBe(managed)
  await spec('y.service')
  const back = await read(known)
  expect(back.services).toContainEqual({ sid: 'systemd:off', spec: { unit: 'y.service' } })
  expect(back.digest).toBe(managed)
})

test('an agent of an older version finds in its orders what it knows, and nothing else', async () => {
  const response = await fetch(`${url()}/agent/v1/desired?planeEpoch=0&revision=0&waitMs=0`, {
    headers: { authorization: `Bearer ${node.credential}` },
  })
  expect(response.headers.get('holdfast-managed')).not.toBeNull()
  const body = (await response.json()) as object
  expect(Desired.safeParse(body).success).toBe(true)
  expect(Object.keys(body).filter((key) => key.includes('anaged'))).toEqual([])
})

test('what is removed or ignored is told no more', async () => {
  await database.sql`update service set requested = 'ignored' where sid = 'systemd:db'`
  await database.sql`delete from service where sid = 'ct:100'`
  await ring()
  await expect.poll(sids, soon).toEqual(['systemd:off'])
})

test('another node’s credential tells of its own cluster only; none, of none', async () => {
  const other = await makeCluster(database.sql, 'other')
  const its = await makeNode(database.sql, other, 'n1')
  const ask = (credential: string) =>
    fetch(`${url()}/agent/v1/managed`, { headers: { authorization: `Bearer ${credential}` } })
  expect(await (await ask(its.credential)).json()).toEqual({ digest: 'none', services: [] })
  expect((await ask('hfn_x')).status).toBe(401)
})
