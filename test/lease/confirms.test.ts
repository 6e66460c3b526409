// Confirms of grants go with renewals: what is confirmed, when it is not, and what a confirm says of the watchdog's proof.
import { describe, expect, test } from 'vitest'
import { leaseRow, makeCluster, makeNode, openGrant, request } from './fleet.ts'
import { renewalRig } from './renewal-rig.ts'

const rig = renewalRig('confirms')
const { database, node, renew } = rig
const code = (answer: Awaited<ReturnType<typeof renew>>) =>
  answer.granted ? 'granted' : answer.refusal.code

describe('a confirm', () => {
  test('is given for an open grant of this epoch to an armed node, durably', async () => {
    const n = await node('confirm')
    await openGrant(database.sql, rig.cluster, n, 'process:a', 101)
    const confirms = [{ sid: 'process:a', generation: 101 }]
    const answer = await renew(request(rig.cluster, n, 1, { armed: true, confirms }))
    expect(answer).toMatchObject({ granted: true, row: { confirmed: confirms } })
    const [holder] = await database.sql`
      select confirmed_at is not null as confirmed from run_grant_holder where sid = 'process:a'`
    expect(holder?.confirmed).toBe(true)
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: true })
  })

  test('is not given to a node whose watchdog is not armed (S14)', async () => {
    const n = await node('unarmed')
    await openGrant(database.sql, rig.cluster, n, 'process:b', 102)
    const confirms = [{ sid: 'process:b', generation: 102 }]
    const answer = await renew(request(rig.cluster, n, 1, { armed: false, confirms }))
    expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
  })

  test('is not given for another generation or another node’s grant (M10)', async () => {
    const [n, other] = [await node('wrong-a'), await node('wrong-b')]
    await openGrant(database.sql, rig.cluster, n, 'process:c', 103)
    for (const [who, generation] of [
      [n, 102],
      [other, 103],
    ] as const) {
      const confirms = [{ sid: 'process:c', generation }]
      const answer = await renew(request(rig.cluster, who, 1, { armed: true, confirms }))
      expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
    }
  })

  test('is not given without quorum (rule 1)', async () => {
    const other = await makeCluster(database.sql, 'no-quorum')
    const n = await makeNode(database.sql, other, 'no-quorum')
    await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    await openGrant(database.sql, other, n, 'process:m', 106)
    await database.sql`update crm set quorate = false where cluster_id = ${other.id}`
    const confirms = [{ sid: 'process:m', generation: 106 }]
    const asked = request(other, n, 2, { armed: true, confirms })
    expect(code(await rig.renewals.renew({ clusterId: other.id, request: asked }))).toBe(
      'not-quorate',
    )
    const [holder] = await database.sql`
      select confirmed_at from run_grant_holder where sid = 'process:m'`
    expect(holder).toEqual({ confirmed_at: null })
  })

  test('is not given in quarantine (S5)', async () => {
    const other = await makeCluster(database.sql, 'quarantine')
    const n = await makeNode(database.sql, other, 'quarantine')
    await rig.renewals.renew({ clusterId: other.id, request: request(other, n, 1) })
    await openGrant(database.sql, other, n, 'process:q', 105)
    await database.sql`
      update plane_epoch set quarantine_until = clock_timestamp() + interval '1 h'
      where cluster_id = ${other.id}`
    const confirms = [{ sid: 'process:q', generation: 105 }]
    const answer = await rig.renewals.renew({
      clusterId: other.id,
      request: request(other, n, 2, { armed: true, confirms }),
    })
    expect(answer).toMatchObject({ granted: true, row: { confirmed: [] } })
  })

  test('followed by one unarmed renewal ends the watchdog’s proof for that epoch (S12)', async () => {
    const n = await node('gap')
    await renew(request(rig.cluster, n, 1))
    await openGrant(database.sql, rig.cluster, n, 'process:e', 106)
    const confirms = [{ sid: 'process:e', generation: 106 }]
    await renew(request(rig.cluster, n, 2, { armed: true, confirms }))
    await renew(request(rig.cluster, n, 3, { armed: false }))
    await renew(request(rig.cluster, n, 4, { armed: true, confirms }))
    expect(await leaseRow(database.sql, n)).toMatchObject({ armed: true, guarded: false })
  })
})

describe('an adopted service', () => {
  test('is guarded again from its first confirm under the new epoch on, not before (rule 6)', async () => {
    const n = await node('adopted')
    await renew(request(rig.cluster, n, 1))
    await openGrant(database.sql, rig.cluster, n, 'process:adopted', 201)
    const confirms = [{ sid: 'process:adopted', generation: 201 }]
    await renew(request(rig.cluster, n, 2, { armed: true, confirms }))
    // A planned restart: the epoch is over, the service runs on and is adopted under the next.
    await database.sql`
      update lease set epoch = 2, boot_id = null, seq = 0, guarded = null where node_uid = ${n.uid}`
    await database.sql`update run_grant_holder set epoch = 2 where sid = 'process:adopted'`
    await database.sql`update lease set boot_id = ${n.bootId} where node_uid = ${n.uid}`
    const later = (seq: number, more: object) =>
      renew(request(rig.cluster, n, seq, { epoch: 2, ...more }))
    await later(1, { armed: false })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: null })
    await later(2, { armed: true, confirms })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: true })
    await later(3, { armed: false })
    expect(await leaseRow(database.sql, n)).toMatchObject({ guarded: false })
  })
})
