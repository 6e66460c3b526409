// The orders of the CRM as the job that drives devices finds them: in force only while everything is as it was ordered.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FenceTask, postgresFenceStore } from '../../control-plane/fence/fence-store.ts'
import { confirmDead } from '../../control-plane/fence/operator-confirm.ts'
import { deleteFenceDevice } from '../../control-plane/http/records/fence-devices.ts'
import { loadView } from '../../control-plane/store/load-view.ts'
import { saveLeaseChanges } from '../../control-plane/store/save-lease-changes.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster, type TestNode } from '../lease/fleet.ts'
import { orderOff, saidOff, setUpDevice } from './ordered.ts'

const database = testDatabase()
let cluster: TestCluster
let node: TestNode
let task: FenceTask
let made = 0
const store = () => postgresFenceStore(database.sql, 'r1')

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'orders')
  await database.sql`
    insert into crm (cluster_id, quorate) values (${cluster.id}, true)
    on conflict (cluster_id) do update set quorate = true`
})
beforeEach(async () => {
  made += 1
  node = await makeNode(database.sql, cluster, `n${made}`)
  await setUpDevice(database.sql, cluster, node.uid, { name: 'feed1' })
  await setUpDevice(database.sql, cluster, node.uid, { name: 'feed2' })
  const order = await orderOff(database.sql, cluster, node)
  const taken = await store().take({ clusterId: cluster.id, node: node.name, epoch: 1, order })
  task = taken!
})

/** As `power-on` has it, and as nothing that is on record says otherwise. */
async function reportedOff(): Promise<void> {
  const { sql } = database
  await sql`update cluster set settings = settings || '{"afterFence":"power-on"}'`
  await sql`
    insert into fence_report (node_uid, cluster_id, epoch, order_uid, attempt, outcome, why, devices,
      replica, at)
    select o.node_uid, o.cluster_id, o.epoch, o.uid, o.attempt, 'off', '', (
        select jsonb_agg(jsonb_build_object('name', name, 'uid', uid)) from fence_device f
        where f.node_uid = o.node_uid), 'r1', clock_timestamp()
    from fence_order o where o.node_uid = ${node.uid}`
}

async function asksForAnEpoch(): Promise<void> {
  await database.sql`
    insert into epoch_request (node_uid, cluster_id, boot_id, hardware_id, plane_epoch, nonce, found,
      facts, sent_ms, requested_at)
    select uid, cluster_id, 'b2', hardware_id, 1, 'q', '[]', '{}', 1, clock_timestamp()
    from node where uid = ${node.uid}`
}

/** The CRM has recorded its death. */
async function isOnRecord(): Promise<void> {
  const view = (await loadView(database.sql, cluster.id))!
  const about = {
    node: node.name,
    epoch: 1,
    scope: null,
    facts: { order: task.order },
    why: 'test',
  }
  const change = { kind: 'evidence.recorded', evidence: 'device-off', ...about } as const
  await database.sql.begin((tx) => saveLeaseChanges(tx, view, [change]))
}

describe('what an order has switched off', () => {
  test('is to be switched on again where the policy says so, once nothing of its epoch is open', async () => {
    expect(await store().takeOn(task)).toBeNull()
    await reportedOff()
    expect(await store().takeOn(task)).toMatchObject({ isSettled: false })
    await isOnRecord()
    const due = await store().takeOn(task)
    expect(due).toMatchObject({ isSettled: true })
    expect(due!.devices.map(({ name }) => name)).toEqual(['feed1', 'feed2'])
  })

  test('stays off where a person has vouched for its death, and may be at work on it', async () => {
    await reportedOff()
    const { id: clusterId } = cluster
    const wish = { clusterId, node: node.name, actor: 'eve', force: true, silentMs: 9_000 }
    const said = await database.sql.begin((tx) => confirmDead(tx, wish))
    expect(said).toMatchObject({ epochs: [1], closed: [{ sid: `process:of-${node.name}` }] })
    expect(await store().takeOn(task)).toBeNull()
  })

  test('stays off while nothing is on record but the end of its services, one by one', async () => {
    await reportedOff()
    const view = (await loadView(database.sql, cluster.id))!
    const [held] = await database.sql<{ sid: string; generation: number }[]>`
      select sid, generation::int from run_grant_holder where node_uid = ${node.uid}`
    const change = {
      ...({ kind: 'evidence.recorded', evidence: 'agent-stopped', node: node.name } as const),
      ...{ epoch: 1, scope: held!, facts: {}, why: 'test' },
    }
    await database.sql.begin((tx) => saveLeaseChanges(tx, view, [change]))
    expect(await store().takeOn(task)).toMatchObject({ isSettled: false })
  })

  test('is switched on again also where its watchdog was proof before the devices were', async () => {
    const { sql } = database
    await reportedOff()
    await sql`
      update revocation set guarded = true, lease_until = clock_timestamp() - interval '1 s'
      where node_uid = ${node.uid}`
    const view = (await loadView(sql, cluster.id))!
    const change = {
      ...({ kind: 'evidence.recorded', evidence: 'watchdog-deadline', node: node.name } as const),
      ...{ epoch: 1, scope: null, facts: {}, why: 'test' },
    }
    await sql.begin((tx) => saveLeaseChanges(tx, view, [change]))
    expect(await store().takeOn(task)).toMatchObject({ isSettled: true })
  })

  test.each([
    [
      'it has renewed',
      () =>
        database.sql`update lease set renewed_at = clock_timestamp() where node_uid = ${node.uid}`,
    ],
    [
      'it was heard',
      () =>
        database.sql`update lease set reported_at = clock_timestamp() where node_uid = ${node.uid}`,
    ],
    ['it asks for an epoch', asksForAnEpoch],
    [
      'somebody works on it',
      () => database.sql`update node set maintenance_requested = true where uid = ${node.uid}`,
    ],
    [
      'it was removed',
      () => database.sql`update node set removed_at = clock_timestamp() where uid = ${node.uid}`,
    ],
    [
      'it was ordered off anew',
      () => database.sql`update fence_order set uid = 'anew' where node_uid = ${node.uid}`,
    ],
    [
      'a feed was set up anew',
      () => setUpDevice(database.sql, cluster, node.uid, { name: 'feed2' }),
    ],
    ['a feed was added', () => setUpDevice(database.sql, cluster, node.uid, { name: 'feed3' })],
    ['a feed was removed', () => deleteFenceDevice(database.sql as never, node.uid, 'feed2')],
    [
      'hands are to be kept off',
      () => database.sql`
      update crm set disarm = '{"mode":"freeze","effectiveMs":1}' where cluster_id = ${cluster.id}`,
    ],
    [
      'the policy is another',
      () => database.sql`update cluster set settings = settings || '{"afterFence":"leave-off"}'`,
    ],
  ])('is left as it is where %s since', async (_, change) => {
    await reportedOff()
    await isOnRecord()
    expect(await store().takeOn(task)).not.toBeNull()
    await change()
    expect(await store().takeOn(task)).toBeNull()
    await database.sql`update crm set disarm = null where cluster_id = ${cluster.id}`
  })
})

describe('an order to switch a node off', () => {
  test('is in force', async () => {
    expect(task.devices.map(({ name }) => name)).toEqual(['feed1', 'feed2'])
    expect(await store().isInForce(task)).toBe(true)
  })

  test.each([
    ['was set up anew', () => setUpDevice(database.sql, cluster, node.uid, { name: 'feed2' })],
    ['was added', () => setUpDevice(database.sql, cluster, node.uid, { name: 'feed3' })],
    ['was removed', () => deleteFenceDevice(database.sql as never, node.uid, 'feed2')],
  ])('is not carried out with what was there before a device %s', async (_, change) => {
    await change()
    expect(await store().isInForce(task)).toBe(false)
    expect(await store().take(task)).not.toBeNull()
  })
})

describe('a report that is written late', () => {
  /** As the job has it: read off `agoMs` before it is written, or says so. */
  async function report(read: { sinceTakenMs: number; agoMs: number }) {
    const devices = task.devices.map(({ name, uid }) => saidOff(name, uid))
    await store().report(task, devices, read)
    return (await loadView(database.sql, cluster.id))!.nodes[node.name]!
  }

  test('does not outrun what the machine said of itself after it was read off', async () => {
    await database.sql`update cluster set settings = settings || '{"afterFence":"power-on"}'`
    await asksForAnEpoch()
    const late = await report({ sinceTakenMs: 60_000, agoMs: 2_000 })
    expect(late.fenceOrder!.report).toMatchObject({ outcome: 'off' })
    expect(late.epochRequest!.requestedMs).toBeGreaterThan(late.fenceOrder!.report!.atMs)
    expect(await store().takeOn(task)).toBeNull()
  })

  test('is dated no later where it was frozen on its way, and never ahead', async () => {
    const { sql } = database
    await sql`select pg_sleep(0.05)`
    const frozen = await report({ sinceTakenMs: 0, agoMs: 0 })
    expect(frozen.fenceOrder!.report!.atMs).toBeLessThanOrEqual(task.takenMs)
    await sql`delete from fence_report where node_uid = ${node.uid}`
    const ahead = await report({ sinceTakenMs: 1e9, agoMs: -1e9 })
    const [now] = await sql<{ ms: number }[]>`select epoch_ms(clock_timestamp()) as ms`
    expect(ahead.fenceOrder!.report!.atMs).toBeLessThanOrEqual(now!.ms)
  })
})
