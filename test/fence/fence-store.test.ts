// The orders of the CRM as the job that drives devices finds them: in force only while everything is as it was ordered.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FenceTask, postgresFenceStore } from '../../control-plane/fence/fence-store.ts'
import { deleteFenceDevice } from '../../control-plane/http/records/fence-devices.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster, type TestNode } from '../lease/fleet.ts'
import { orderOff, setUpDevice } from './ordered.ts'

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
