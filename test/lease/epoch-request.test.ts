// A node asks for an epoch again and again until it has one: a request that meets the round which opens the epoch must
// neither end that epoch nor stay behind, for the node would be told to wait for ever.
import { beforeAll, expect, test } from 'vitest'
import { epochStanding, requestEpoch } from '../../control-plane/store/nodes.ts'
import type { EpochRequest } from '../../shared/protocol.ts'
import { profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster, type TestNode } from './fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let node: TestNode

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'lab')
  node = await makeNode(database.sql, cluster, 'n1')
  await database.sql`update lease set epoch = epoch + 1, boot_id = null`
})

const answer = (sentMs: number): EpochRequest => ({
  ...{ clusterUuid: cluster.uuid, nodeUid: node.uid, bootId: node.bootId, hardwareId: 'hw-n1' },
  ...{ sentMs, planeEpoch: { number: 1, uuid: cluster.planeUuid }, nonce: 'nonce-1', found: [] },
  ...{ capacity: { cpus: 2, memoryBytes: 1e9 }, drivers: ['process'], agentVersion: 'test' },
  ...{ virtual: false, watchdog: { class: 'simulated', identity: 'test', effectiveMs: 10_000 } },
})

test('an answer repeated while a round opens the epoch is not left over, and the node is told that it joined', async () => {
  const { sql } = database
  await requestEpoch(sql, cluster.id, answer(1_000))
  let repeated: Promise<void> | undefined
  await sql.begin(async (tx) => {
    await tx`update lease set boot_id = ${node.bootId}, opened_sent_ms = 1000, opened_nonce = 'nonce-1'`
    await tx`delete from epoch_request`
    repeated = requestEpoch(sql, cluster.id, answer(2_000))
    // Until it waits for this transaction: what it found before that no longer holds.
    await expect
      .poll(async () => {
        const [row] = await sql`
          select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return row?.waiting
      })
      .toBe(1)
  })
  await repeated
  expect(await sql`select * from epoch_request`).toHaveLength(0)
  const standing = await epochStanding(sql, answer(2_000), profiles.default)
  expect(standing).toMatchObject({ status: 'joined', epoch: 2 })
})
