// Rules and groups are read again when somebody has written one of them, and only then: a rule that was missed would let
// services be put together that must stay apart.
import { beforeAll, expect, test } from 'vitest'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { ViewCache } from '../../control-plane/store/view/view-cache.ts'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, type TestCluster } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'ruled')
  await makeNode(database.sql, cluster, 'n1')
})

/** A replica that has looked once. */
async function aReader(): Promise<() => Promise<ClusterView>> {
  const cache = new ViewCache()
  const witness = new ClockWitness()
  const read = async () =>
    ((await load(database.sql, cluster.id, { witness, cache })) as LoadedView).view
  await read()
  return read
}

const addRule = (by: typeof database.sql, id: string) => by`
  insert into rule (cluster_id, id, position, type, resources, nodes, strict)
  values (${cluster.id}, ${id}, 9, 'node-affinity', '["process:a"]', '{"n1": 1}', true)`

const idsOf = ({ rules }: ClusterView) => rules.map(({ id }) => id)

test('nobody has written any: the very objects that are known', async () => {
  await addRule(database.sql, 'known')
  const read = await aReader()
  const before = await read()
  await database.sql`update cluster set name = name where id = ${cluster.id}`
  const after = await read()
  expect(idsOf(before)).toEqual(['known'])
  expect(after.rules).toBe(before.rules)
  expect(after.groups).toBe(before.groups)
})

test('a rule or a group is added, changed or deleted: all are read again', async () => {
  const { id } = cluster
  const read = await aReader()
  await addRule(database.sql, 'pinned')
  expect(idsOf(await read())).toContain('pinned')
  await database.sql`update rule set disabled = true where cluster_id = ${id} and id = 'pinned'`
  expect((await read()).rules.find((rule) => rule.id === 'pinned')!.disabled).toBe(true)
  await database.sql`delete from rule where cluster_id = ${id} and id = 'pinned'`
  expect(idsOf(await read())).not.toContain('pinned')
  await database.sql`insert into node_group (cluster_id, name, nodes) values (${id}, 'late', '{"n1": 1}')`
  expect((await read()).groups.late!.restricted).toBe(false)
  await database.sql`update node_group set restricted = true where cluster_id = ${id} and name = 'late'`
  expect((await read()).groups.late!.restricted).toBe(true)
  await database.sql`delete from node_group where cluster_id = ${id} and name = 'late'`
  expect((await read()).groups.late).toBeUndefined()
})

test('what another cluster writes is not read', async () => {
  const other = await makeCluster(database.sql, 'other')
  const read = await aReader()
  const before = await read()
  await database.sql`insert into node_group (cluster_id, name, nodes) values (${other.id}, 'g', '{}')`
  expect((await read()).groups).toBe(before.groups)
})

test('a transaction that began before and committed after the last look is not missed', async () => {
  const read = await aReader()
  const { promise: begun, resolve: onBegun } = Promise.withResolvers<void>()
  const { promise: release, resolve: goOn } = Promise.withResolvers<void>()
  const slow = database.sql.begin(async (tx) => {
    await tx`select pg_current_xact_id()` // its number is the lower one
    onBegun()
    await release
    await addRule(tx as never, 'slow')
  })
  await begun
  await addRule(database.sql, 'quick')
  const between = idsOf(await read())
  expect(between).toContain('quick')
  expect(between).not.toContain('slow')
  goOn()
  await slow
  expect(idsOf(await read())).toContain('slow')
})

test('a script that empties the table or gives a rule to another cluster is not missed', async () => {
  const other = await makeCluster(database.sql, 'given')
  const read = await aReader()
  await addRule(database.sql, 'given')
  expect(idsOf(await read())).toContain('given')
  await database.sql`update rule set cluster_id = ${other.id} where id = 'given'`
  expect(idsOf(await read())).not.toContain('given')
  await database.sql`truncate rule`
  expect(idsOf(await read())).toEqual([])
})

test('a dump is restored without a search path', async () => {
  await database.sql.begin(async (tx) => {
    await tx`select set_config('search_path', '', true)`
    await tx`insert into public.node_group (cluster_id, name, nodes)
      values (${cluster.id}, 'restored', '{"n1": 1}')`
  })
  expect((await (await aReader())()).groups.restored).toBeDefined()
})

test('after a restore in place nothing of the lost history is believed, though nothing is marked', async () => {
  const { id } = cluster
  await addRule(database.sql, 'lost')
  const read = await aReader()
  expect(idsOf(await read())).toContain('lost')
  await database.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`delete from rule where cluster_id = ${id} and id = 'lost'`
    await tx`update plane_epoch set number = number + 1, uuid = gen_random_uuid()
      where cluster_id = ${id}`
  })
  expect(idsOf(await read())).not.toContain('lost')
})
