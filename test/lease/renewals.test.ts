// A renewal moves the fence deadline, or says why it does not, whatever it comes late, twice or out of order.
import { describe, expect, test } from 'vitest'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import { leaseRow, makeCluster, makeNode, makeRenewals, request, revoke } from './fleet.ts'
import { renewalRig } from './renewal-rig.ts'

const rig = renewalRig('lab')
const { database, node, renew } = rig
const code = (answer: Awaited<ReturnType<typeof renew>>) =>
  answer.granted ? 'granted' : answer.refusal.code

describe('a renewal', () => {
  test('moves the fence deadline to a full lease after its own commit', async () => {
    const n = await node('full')
    expect(code(await renew(request(rig.cluster, n, 1)))).toBe('granted')
    const row = await leaseRow(database.sql, n)
    expect(row.until - row.renewed).toBeGreaterThanOrEqual(fenceAfterMs(profiles.default) - 1)
    expect(row.until - row.renewed).toBeLessThan(fenceAfterMs(profiles.default) + 50)
  })

  test('counts from its own commit, however long ago the one before it was (rule 4)', async () => {
    const n = await node('pause')
    await database.sql`update lease set renewed_at = clock_timestamp() - interval '30 seconds'
      where node_uid = ${n.uid}`
    expect(code(await renew(request(rig.cluster, n, 1)))).toBe('granted')
    const row = await leaseRow(database.sql, n)
    expect(row.until - row.renewed).toBeGreaterThanOrEqual(fenceAfterMs(profiles.default) - 1)
  })

  test('with a sequence number seen before is refused as stale and changes nothing (S12)', async () => {
    const n = await node('stale')
    await renew(request(rig.cluster, n, 5, { armed: false }))
    expect(code(await renew(request(rig.cluster, n, 5, { armed: true })))).toBe('stale')
    expect(code(await renew(request(rig.cluster, n, 4, { armed: true })))).toBe('stale')
    expect(await leaseRow(database.sql, n)).toMatchObject({ seq: 5, armed: false })
  })

  test('of two in one batch only the newer counts (S12)', async () => {
    const n = await node('batch')
    const answers = await Promise.all([
      renew(request(rig.cluster, n, 2, { armed: true })),
      renew(request(rig.cluster, n, 1, { armed: false })),
    ])
    expect(answers.map(code)).toEqual(['granted', 'stale'])
    expect(await leaseRow(database.sql, n)).toMatchObject({ seq: 2, armed: true })
  })

  test('of a revoked epoch is told that it is fenced (M11)', async () => {
    const n = await node('fenced')
    await revoke(database.sql, n)
    expect(code(await renew(request(rig.cluster, n, 1)))).toBe('fenced')
  })

  test('of an epoch that this history never opened, and whose number it has skipped, is told so: what runs, runs on (rule 9)', async () => {
    const n = await node('skipped')
    await revoke(database.sql, n)
    await database.sql`update lease set epoch = 1000000 where node_uid = ${n.uid}`
    const jumped = (to: number) =>
      database.sql`update plane_epoch set number_floor = ${to} where cluster_id = ${rig.cluster.id}`
    await jumped(1_000_000)
    expect(code(await renew(request(rig.cluster, n, 1, { epoch: 2 })))).toBe('regressed')
    expect(code(await renew(request(rig.cluster, n, 1)))).toBe('fenced')
    await jumped(0)
  })

  test('of another boot is refused, not interpreted (S9b)', async () => {
    const n = await node('boot')
    expect(code(await renew(request(rig.cluster, n, 1, { bootId: 'another-boot-id' })))).toBe(
      'fenced',
    )
  })

  test('of an epoch the database does not know yet is a regress: 503 and the CRM is told (M11)', async () => {
    const other = await makeCluster(database.sql, 'regress')
    const n = await makeNode(database.sql, other, 'ahead')
    rig.rung.length = 0
    const answer = await rig.renewals.renew({
      clusterId: other.id,
      request: request(other, n, 1, { epoch: 9 }),
    })
    expect(code(answer)).toBe('regressed')
    expect(rig.rung).toContain(other.id)
    const claims = await database.sql`select 1 from regress_claim where node_uid = ${n.uid}`
    expect(claims).toHaveLength(1)
  })

  test('under an older plane epoch gets the current one and no lease (S5)', async () => {
    const other = await makeCluster(database.sql, 'history')
    const n = await makeNode(database.sql, other, 'old')
    await database.sql`update plane_epoch set number = 7 where cluster_id = ${other.id}`
    const before = await leaseRow(database.sql, n)
    const answer = await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    expect(answer).toMatchObject({
      granted: false,
      refusal: { code: 'plane-epoch', planeEpoch: { number: 7, uuid: other.planeUuid } },
    })
    expect((await leaseRow(database.sql, n)).until).toBe(before.until)
  })

  test('on another server than the plane epoch knows grants nothing (S5, S6)', async () => {
    const other = await makeCluster(database.sql, 'moved')
    const n = await makeNode(database.sql, other, 'moved')
    await database.sql`update plane_epoch set timeline = '0000FFFF' where cluster_id = ${other.id}`
    rig.rung.length = 0
    const answer = await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    expect(code(answer)).toBe('busy')
    expect(rig.rung).toContain(other.id)
  })

  test('without quorum is heard but grants nothing', async () => {
    const other = await makeCluster(database.sql, 'minority')
    const n = await makeNode(database.sql, other, 'minority')
    await database.sql`update crm set quorate = false where cluster_id = ${other.id}`
    const before = await leaseRow(database.sql, n)
    const answer = await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    expect(code(answer)).toBe('not-quorate')
    const [row] = await database.sql`
      select reported_at is not null as heard, epoch_ms(lease_until) as until
      from lease where node_uid = ${n.uid}`
    expect(row).toEqual({ heard: true, until: before.until })
  })

  test('with a shorter lease never shortens what was granted before (S11)', async () => {
    const other = await makeCluster(database.sql, 'shorter')
    const n = await makeNode(database.sql, other, 'shorter')
    await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    const before = await leaseRow(database.sql, n)
    await database.sql`
      update cluster set settings = jsonb_set(settings, '{timing,leaseMs}', '10600')
      where id = ${other.id}`
    const answer = await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 2) })
    expect(answer).toMatchObject({ granted: true, row: { leaseMs: 10_600 } })
    expect((await leaseRow(database.sql, n)).until).toBe(before.until)
  })

  test('is counted from its own UPDATE, not from the start of its transaction (M2)', async () => {
    const n = await node('late')
    // Holding the row makes the renewal wait inside its statement.
    const holder = await database.sql.reserve()
    await holder`begin`
    await holder`select from lease where node_uid = ${n.uid} for update`
    const answer = renew(request(rig.cluster, n, 1))
    const [held] = await waitForLockWait(database.sql)
    await holder`commit`
    holder.release()
    expect(code(await answer)).toBe('granted')
    const row = await leaseRow(database.sql, n)
    const heldMs = held?.now as number
    expect(row.renewed).toBeGreaterThan(heldMs)
    expect(row.until).toBeGreaterThan(heldMs + fenceAfterMs(profiles.default))
  })

  test('does not wait for another node’s row that somebody holds (S-A3)', async () => {
    const [one, other] = [await node('held'), await node('free')]
    const holder = await database.sql.reserve()
    await holder`begin`
    await holder`select from lease where node_uid = ${one.uid} for update`
    const answers = [renew(request(rig.cluster, one, 1)), renew(request(rig.cluster, other, 1))]
    expect(code((await answers[1]) as never)).toBe('granted')
    await holder`commit`
    holder.release()
    expect(['granted', 'busy']).toContain(code((await answers[0]) as never))
  })
})

describe('a report', () => {
  test('is stored with the revision it was made under, and only when it changed', async () => {
    const n = await node('report')
    const running = [{ sid: 'process:x', generation: 3, state: 'running', stable: true } as const]
    await renew(request(rig.cluster, n, 1, { running: [...running], revision: 12 }))
    await renew(request(rig.cluster, n, 2, { running: [...running], revision: 12 }))
    const [row] = await database.sql`
      select seq::int, revision::int, report from node_report where node_uid = ${n.uid}`
    expect(row).toMatchObject({ seq: 1, revision: 12, report: { running } })
  })

  test('heard by another replica meanwhile is written again when it comes back', async () => {
    const n = await node('rotating')
    const elsewhere = makeRenewals(database.url)
    const running = [{ sid: 'process:x', generation: 3, state: 'running', stable: true } as const]
    const first = request(rig.cluster, n, 1, { running: [...running] })
    await renew(first)
    await elsewhere.renew({ clusterId: rig.cluster.id, request: request(rig.cluster, n, 2) })
    await renew({ ...first, seq: 3 })
    await renew({ ...first, seq: 4 })
    const [row] = await database.sql`
      select report from node_report where node_uid = ${n.uid}`
    expect(row).toMatchObject({ report: { running } })
    await elsewhere.close()
  })
})

async function waitForLockWait(sql: ReturnType<typeof testDatabase>['sql']) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const rows = await sql`
      select epoch_ms(clock_timestamp()) as now from pg_stat_activity
      where wait_event_type = 'Lock' and application_name = 'holdfast-leases'
        and datname = current_database()`
    if (rows.length > 0) return rows
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('nobody waits for the row')
}
