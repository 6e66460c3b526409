import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Renewals } from '../../control-plane/lease/renewals.ts'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'
import { testDatabase } from '../database.ts'
import {
  leaseRow,
  makeCluster,
  makeNode,
  makeRenewals,
  openGrant,
  request,
  type TestCluster,
} from './fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let renewals: Renewals
const rung: number[] = []

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'lab')
  renewals = makeRenewals(database.url, (id) => rung.push(id))
})
afterAll(() => renewals.close())

const node = (name: string) => makeNode(database.sql, cluster, name)
const renew = (r: ReturnType<typeof request>) =>
  renewals.renew({ clusterId: cluster.id, request: r })
const code = (answer: Awaited<ReturnType<typeof renew>>) =>
  answer.granted ? 'granted' : answer.refusal.code

describe('a renewal', () => {
  test('moves the fence deadline to a full lease after its own commit', async () => {
    const n = await node('full')
    expect(code(await renew(request(cluster, n, 1)))).toBe('granted')
    const row = await leaseRow(database.sql, n)
    expect(row.until - row.renewed).toBeGreaterThanOrEqual(fenceAfterMs(profiles.default) - 1)
    expect(row.until - row.renewed).toBeLessThan(fenceAfterMs(profiles.default) + 50)
  })

  test('counts from its own commit, however long ago the one before it was (rule 4)', async () => {
    const n = await node('pause')
    await database.sql`update lease set renewed_at = clock_timestamp() - interval '30 seconds'
      where node_uid = ${n.uid}`
    expect(code(await renew(request(cluster, n, 1)))).toBe('granted')
    const row = await leaseRow(database.sql, n)
    expect(row.until - row.renewed).toBeGreaterThanOrEqual(fenceAfterMs(profiles.default) - 1)
  })

  test('with a sequence number seen before is refused as stale and changes nothing (S12)', async () => {
    const n = await node('stale')
    await renew(request(cluster, n, 5, { armed: false }))
    expect(code(await renew(request(cluster, n, 5, { armed: true })))).toBe('stale')
    expect(code(await renew(request(cluster, n, 4, { armed: true })))).toBe('stale')
    expect(await leaseRow(database.sql, n)).toMatchObject({ seq: 5, armed: false })
  })

  test('of two in one batch only the newer counts (S12)', async () => {
    const n = await node('batch')
    const answers = await Promise.all([
      renew(request(cluster, n, 2, { armed: true })),
      renew(request(cluster, n, 1, { armed: false })),
    ])
    expect(answers.map(code)).toEqual(['granted', 'stale'])
    expect(await leaseRow(database.sql, n)).toMatchObject({ seq: 2, armed: true })
  })

  test('of a revoked epoch is told that it is fenced (M11)', async () => {
    const n = await node('fenced')
    await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${n.uid}`
    expect(code(await renew(request(cluster, n, 1)))).toBe('fenced')
  })

  test('of another boot is refused, not interpreted (S9b)', async () => {
    const n = await node('boot')
    expect(code(await renew(request(cluster, n, 1, { bootId: 'another-boot-id' })))).toBe('fenced')
  })

  test('of an epoch the database does not know yet is a regress: 503 and the CRM is told (M11)', async () => {
    const other = await makeCluster(database.sql, 'regress')
    const n = await makeNode(database.sql, other, 'ahead')
    rung.length = 0
    const answer = await renewals.renew({
      clusterId: other.id,
      request: request(other, n, 1, { epoch: 9 }),
    })
    expect(code(answer)).toBe('regressed')
    expect(rung).toContain(other.id)
    const claims = await database.sql`select 1 from regress_claim where node_uid = ${n.uid}`
    expect(claims).toHaveLength(1)
  })

  test('under an older plane epoch gets the current one and no lease (S5)', async () => {
    const other = await makeCluster(database.sql, 'history')
    const n = await makeNode(database.sql, other, 'old')
    await database.sql`update plane_epoch set number = 7 where cluster_id = ${other.id}`
    const before = await leaseRow(database.sql, n)
    const answer = await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
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
    rung.length = 0
    const answer = await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    expect(code(answer)).toBe('busy')
    expect(rung).toContain(other.id)
  })

  test('without quorum is heard but grants nothing', async () => {
    const other = await makeCluster(database.sql, 'minority')
    const n = await makeNode(database.sql, other, 'minority')
    await database.sql`update crm set quorate = false where cluster_id = ${other.id}`
    const before = await leaseRow(database.sql, n)
    const answer = await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    expect(code(answer)).toBe('not-quorate')
    const [row] = await database.sql`
      select reported_at is not null as heard, epoch_ms(lease_until) as until
      from lease where node_uid = ${n.uid}`
    expect(row).toEqual({ heard: true, until: before.until })
  })

  test('with a shorter lease never shortens what was granted before (S11)', async () => {
    const other = await makeCluster(database.sql, 'shorter')
    const n = await makeNode(database.sql, other, 'shorter')
    await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    const before = await leaseRow(database.sql, n)
    await database.sql`
      update cluster set settings = jsonb_set(settings, '{timing,leaseMs}', '10600')
      where id = ${other.id}`
    const answer = await renewals.renew({ clusterId: other.id, request: request(other, n, 2) })
    expect(answer).toMatchObject({ granted: true, row: { leaseMs: 10_600 } })
    expect((await leaseRow(database.sql, n)).until).toBe(before.until)
  })

  test('is counted from its own UPDATE, not from the start of its transaction (M2)', async () => {
    const n = await node('late')
    // Holding the row makes the renewal wait inside its statement.
    const holder = await database.sql.reserve()
    await holder`begin`
    await holder`select from lease where node_uid = ${n.uid} for update`
    const answer = renew(request(cluster, n, 1))
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
    const answers = [renew(request(cluster, one, 1)), renew(request(cluster, other, 1))]
    expect(code((await answers[1]) as never)).toBe('granted')
    await holder`commit`
    holder.release()
    expect(['granted', 'busy']).toContain(code((await answers[0]) as never))
  })
})

describe('a confirm', () => {
  test('is given for an open grant of this epoch to an armed node, durably', async () => {
    const n = await node('confirm')
    await openGrant(database.sql, cluster, n, 'process:a', 101)
    const confirms = [{ sid: 'process:a', generation: 101 }]
    const answer = await renew(request(cluster, n, 1, { armed: true, confirms }))
    expect(answer).toMatchObject({ granted: true, row: { confirmed: confirms } })
    const [holder] = await database.sql`
      select confirmed_at is not null as confirmed from run_grant_holder where sid = 'process:a'`
    expect(holder?.confirmed).toBe(true)
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: true })
  })

  test('is not given to a node whose watchdog is not armed (S14)', async () => {
    const n = await node('unarmed')
    await openGrant(database.sql, cluster, n, 'process:b', 102)
    const confirms = [{ sid: 'process:b', generation: 102 }]
    const answer = await renew(request(cluster, n, 1, { armed: false, confirms }))
    expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
  })

  test('is not given for another generation or another node’s grant (M10)', async () => {
    const [n, other] = [await node('wrong-a'), await node('wrong-b')]
    await openGrant(database.sql, cluster, n, 'process:c', 103)
    for (const [who, generation] of [
      [n, 102],
      [other, 103],
    ] as const) {
      const confirms = [{ sid: 'process:c', generation }]
      const answer = await renew(request(cluster, who, 1, { armed: true, confirms }))
      expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
    }
  })

  test('is not given without quorum (rule 1)', async () => {
    const other = await makeCluster(database.sql, 'no-quorum')
    const n = await makeNode(database.sql, other, 'no-quorum')
    await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    await openGrant(database.sql, other, n, 'process:m', 106)
    await database.sql`update crm set quorate = false where cluster_id = ${other.id}`
    const confirms = [{ sid: 'process:m', generation: 106 }]
    const asked = request(other, n, 2, { armed: true, confirms })
    expect(code(await renewals.renew({ clusterId: other.id, request: asked }))).toBe('not-quorate')
    const [holder] = await database.sql`
      select confirmed_at from run_grant_holder where sid = 'process:m'`
    expect(holder).toEqual({ confirmed_at: null })
  })

  test('is not given in quarantine (S5)', async () => {
    const other = await makeCluster(database.sql, 'quarantine')
    const n = await makeNode(database.sql, other, 'quarantine')
    await renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    await openGrant(database.sql, other, n, 'process:q', 105)
    await database.sql`
      update plane_epoch set quarantine_until = clock_timestamp() + interval '1 h'
      where cluster_id = ${other.id}`
    const confirms = [{ sid: 'process:q', generation: 105 }]
    const answer = await renewals.renew({
      clusterId: other.id,
      request: request(other, n, 2, { armed: true, confirms }),
    })
    expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
  })

  test('followed by one unarmed renewal ends the watchdog’s proof for that epoch (S12)', async () => {
    const n = await node('gap')
    await renew(request(cluster, n, 1))
    await openGrant(database.sql, cluster, n, 'process:e', 106)
    const confirms = [{ sid: 'process:e', generation: 106 }]
    await renew(request(cluster, n, 2, { armed: true, confirms }))
    await renew(request(cluster, n, 3, { armed: false }))
    await renew(request(cluster, n, 4, { armed: true, confirms }))
    expect(await leaseRow(database.sql, n)).toMatchObject({ armed: true, guarded: false })
  })
})

describe('a report', () => {
  test('is stored with the revision it was made under, and only when it changed', async () => {
    const n = await node('report')
    const running = [{ sid: 'process:x', generation: 3, state: 'running', stable: true } as const]
    await renew(request(cluster, n, 1, { running: [...running], revision: 12 }))
    await renew(request(cluster, n, 2, { running: [...running], revision: 12 }))
    const [row] = await database.sql`
      select seq::int, revision::int, report from node_report where node_uid = ${n.uid}`
    expect(row).toMatchObject({ seq: 1, revision: 12, report: { running } })
  })

  test('heard by another replica meanwhile is written again when it comes back', async () => {
    const n = await node('rotating')
    const elsewhere = makeRenewals(database.url)
    const running = [{ sid: 'process:x', generation: 3, state: 'running', stable: true } as const]
    const first = request(cluster, n, 1, { running: [...running] })
    await renew(first)
    await elsewhere.renew({ clusterId: cluster.id, request: request(cluster, n, 2) })
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

describe('an adopted service', () => {
  test('is guarded again from its first confirm under the new epoch on, not before (rule 6)', async () => {
    const n = await node('adopted')
    await renew(request(cluster, n, 1))
    await openGrant(database.sql, cluster, n, 'process:adopted', 201)
    const confirms = [{ sid: 'process:adopted', generation: 201 }]
    await renew(request(cluster, n, 2, { armed: true, confirms }))
    // A planned restart: the epoch is over, the service runs on and is adopted under the next.
    await database.sql`
      update lease set epoch = 2, boot_id = null, seq = 0, guarded = null where node_uid = ${n.uid}`
    await database.sql`update run_grant_holder set epoch = 2 where sid = 'process:adopted'`
    await database.sql`update lease set boot_id = ${n.bootId} where node_uid = ${n.uid}`
    const later = (seq: number, more: object) =>
      renew(request(cluster, n, seq, { epoch: 2, ...more }))
    await later(1, { armed: false })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: null })
    await later(2, { armed: true, confirms })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: true })
    await later(3, { armed: false })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: false })
  })
})
