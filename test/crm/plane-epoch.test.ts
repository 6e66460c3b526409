// Rule 9: the plane epoch changes once, counts every lease as renewed at that commit, and never reuses a number.
import { describe, expect, test } from 'vitest'
import { randomUUID } from 'node:crypto'
import { changePlaneEpoch } from '../../control-plane/crm/plane-epoch.ts'
import { type LoadedView, load } from '../../control-plane/store/load-view.ts'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import { leaseRow, makeCluster, makeNode, type TestCluster, type TestNode } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let node: TestNode

let counter = 0

async function fresh() {
  counter += 1
  cluster = await makeCluster(database.sql, `epoch-${counter}`)
  node = await makeNode(database.sql, cluster, 'n1')
}

async function change() {
  const loaded = (await load(database.sql, cluster.id)) as LoadedView
  return await database.sql.begin((tx) => changePlaneEpoch(tx, loaded, randomUUID()))
}

async function row() {
  const [found] = await database.sql`
    select p.number::int, p.number_floor::int as floor, quarantine_until is not null as quarantined,
      c.next_generation::int as generation
    from plane_epoch p join crm c using (cluster_id) where cluster_id = ${cluster.id}`
  return found
}

const pretend = (set: string) =>
  database.sql.unsafe(`update plane_epoch set ${set} where cluster_id = ${cluster.id}`)

describe('the plane epoch', () => {
  test('stays while this is the same server, timeline and start', async () => {
    await fresh()
    expect(await change()).toBeNull()
    expect(await row()).toMatchObject({ number: 1, quarantined: false })
  })

  test('changes once after a plain restart, without a quarantine (M8)', async () => {
    await fresh()
    await pretend("postmaster_start = postmaster_start - interval '1 h'")
    expect(await change()).toMatchObject({ number: 2, quarantined: false })
    expect(await change()).toBeNull()
    expect(await row()).toMatchObject({ number: 2, quarantined: false })
  })

  test('counts every lease as renewed at that commit', async () => {
    await fresh()
    await pretend("postmaster_start = postmaster_start - interval '1 h'")
    await change()
    const lease = await leaseRow(database.sql, node)
    expect(lease.until - lease.now).toBeGreaterThan(fenceAfterMs(profiles.default) - 1_000)
  })

  test.each([
    ['a promotion, seen by the timeline of the current WAL file', "timeline = '00000001x'"],
    ['another server', "system_id = '1'"],
    ['an operator who restored files (S5e)', "system_id = 'restored'"],
  ])('changes into quarantine after %s (S5)', async (_, set) => {
    await fresh()
    await pretend(set)
    expect(await change()).toMatchObject({ quarantined: true })
    expect(await row()).toMatchObject({ number: 2, quarantined: true })
  })

  test('jumps ahead of whatever a node remembers, into quarantine (S5, S-A2)', async () => {
    await fresh()
    await database.sql`
      insert into regress_claim (cluster_id, node_uid, plane_epoch, why)
      values (${cluster.id}, ${node.uid}, 41, 'a node remembers plane epoch 41, the database 1')`
    expect(await change()).toMatchObject({ number: 42, quarantined: true })
    expect(await change()).toBeNull()
  })

  test('is not changed by a claim that was judged under an older one and comes late (once means once)', async () => {
    await fresh()
    await pretend('number = 8')
    await database.sql`
      insert into regress_claim (cluster_id, node_uid, plane_epoch, why)
      values (${cluster.id}, ${node.uid}, 7, 'a node remembers plane epoch 7, the database 5')`
    expect(await change()).toBeNull()
    expect(await row()).toMatchObject({ number: 8, quarantined: false })
  })

  test('moves generations and lease epochs far ahead, so that none of a lost history is issued again (S5c)', async () => {
    await fresh()
    await pretend("timeline = '00000001x'")
    await change()
    const after = await row()
    expect(after?.generation).toBeGreaterThanOrEqual(2_000_000)
    expect(after?.floor).toBeGreaterThanOrEqual(2_000_000)
  })

  test('allots a lease epoch anew that was not opened yet: the lost history may have opened it', async () => {
    await fresh()
    await database.sql`
      update lease set epoch = 3, boot_id = null where node_uid = ${node.uid}`
    await pretend("timeline = '000000FF'")
    await change()
    const floor = ((await row()) as { floor: number }).floor
    expect(await leaseRow(database.sql, node)).toMatchObject({ epoch: floor, boot_id: null })
  })

  test('in quarantine outwaits the longest lease the settings ever allowed, not only today’s (S11)', async () => {
    await fresh()
    await database.sql`update cluster set longest_lease_ms = 600000 where id = ${cluster.id}`
    await pretend("timeline = '00000001x'")
    await change()
    const [wait] = await database.sql`
      select epoch_ms(quarantine_until) - epoch_ms(changed_at) as ms from plane_epoch
      where cluster_id = ${cluster.id}`
    expect(wait?.ms).toBeGreaterThan(600_000)
  })
})
