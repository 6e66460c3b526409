// Replicas of two versions on one database: each writes the orders of nodes in its own way. As long as they say the same they
// stay the same revision, whoever has written them last.
import { beforeAll, expect, test } from 'vitest'
import { runRound } from '../../control-plane/crm/round.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { postgresRoundStore } from '../../control-plane/store/round-store.ts'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster, type TestNode } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let node: TestNode

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'two-versions')
  node = await makeNode(database.sql, cluster, 'n1')
  await round()
})

async function round(): Promise<string[]> {
  const store = postgresRoundStore(database.sql, null)
  const parts = { witness: new ClockWitness(), clock: systemClock(), random: systemRandom() }
  const seen = await store.lastRound(cluster.id)
  const result = await runRound({ store, replica: 'one', ...parts }, cluster.id, seen)
  if (result.kind !== 'done') throw new Error(JSON.stringify(result))
  return result.changedNodes
}

async function orders() {
  const [row] = await database.sql<{ revision: number; digest: string; document: object }[]>`
    select revision::int as revision, digest, document from desired where node_uid = ${node.uid}`
  return row!
}

/** The replica of the other version has saved a round: what it writes differs in nothing but how it is written. */
const savedByTheOther = () => database.sql`update desired set digest = 'of another version'`

test('what another version wrote in its own way stays the same revision, and wakes nobody', async () => {
  const before = await orders()
  for (let turn = 0; turn < 3; turn += 1) {
    await savedByTheOther()
    expect(await round()).toEqual([])
    expect(await orders()).toEqual(before)
  }
})

test('what says anything else is another revision', async () => {
  const before = await orders()
  await savedByTheOther()
  await database.sql`update cluster set settings = settings || '{"maxWorkers": 7}' where id = ${cluster.id}`
  expect(await round()).toEqual([node.uid])
  expect((await orders()).revision).toBeGreaterThan(before.revision)
  await database.sql`update desired set managed = 'of other services', digest = 'of them'`
  expect(await round()).toEqual([node.uid])
})
