// The schema refuses what the safety contract forbids, whatever the code above it does (rules 4 to 7, S17, S18).
import { beforeAll, describe, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, openGrant, type TestCluster } from '../lease/fleet.ts'

const database = testDatabase()
let cluster: TestCluster
let generation = 1000

beforeAll(async () => {
  cluster = await makeCluster(database.sql, 'schema')
})

async function held(name: string) {
  const node = await makeNode(database.sql, cluster, name)
  const sid = `process:${name}`
  generation += 1
  await openGrant(database.sql, cluster, node, sid, generation)
  return { node, sid, generation }
}

type Held = Awaited<ReturnType<typeof held>>

async function evidence(h: Held, more: Record<string, unknown> = {}) {
  const row = {
    cluster_id: cluster.id,
    node_uid: h.node.uid,
    epoch: 1,
    kind: 'agent-stopped',
    scope: 'service',
    sid: h.sid,
    generation: h.generation,
    revoked_epoch: null,
    lease_until: null,
    guarded: null,
    facts: '{}',
    decided_at: new Date(),
    ...more,
  }
  const [made] = await database.sql`insert into evidence ${database.sql(row as never)} returning id`
  return made?.id as string
}

async function revoke(h: Held, leaseUntil = 'clock_timestamp()', guarded = true) {
  await database.sql`update lease set epoch = 2, boot_id = null where node_uid = ${h.node.uid}`
  await database.sql`
    insert into revocation (node_uid, epoch, cluster_id, lease_until, guarded, revoked_at, why)
    values (${h.node.uid}, 1, ${cluster.id}, ${database.sql.unsafe(leaseUntil)}, ${guarded},
      clock_timestamp(), 'test')`
}

const nodeScope = { scope: 'node', sid: null, generation: null, revoked_epoch: 1 }

const close = (h: Held, id: string, more: Record<string, unknown> = {}) => {
  const set = {
    closed_at: new Date(),
    evidence_id: id,
    evidence_kind: 'agent-stopped',
    evidence_scope: 'service',
    evidence_sid: h.sid,
    evidence_generation: h.generation,
    ...more,
  }
  return database.sql`update run_grant_holder set ${database.sql(set as never)} where sid = ${h.sid}`
}

describe('a grant', () => {
  test('is the only open one of its service', async () => {
    const h = await held('only')
    await expect(
      openGrant(database.sql, cluster, h.node, h.sid, h.generation + 500),
    ).rejects.toThrow('run_grant_open')
  })

  test('has a generation that was never used before for its service', async () => {
    const h = await held('once')
    await close(h, await evidence(h))
    const which = database.sql`sid = ${h.sid} and generation = ${h.generation}`
    await database.sql`update run_grant set closed_at = clock_timestamp() where ${which}`
    await expect(openGrant(database.sql, cluster, h.node, h.sid, h.generation)).rejects.toThrow(
      'run_grant',
    )
  })

  test('is opened only under a current lease (S17c)', async () => {
    const node = await makeNode(database.sql, cluster, 'leaseless')
    const sid = 'process:leaseless'
    await database.sql`insert into run_grant values (${cluster.id}, ${sid}, 9001, clock_timestamp())`
    await expect(
      database.sql`
        insert into run_grant_holder (cluster_id, sid, generation, node_uid, epoch, opened_at)
        values (${cluster.id}, ${sid}, 9001, ${node.uid}, 1, clock_timestamp())`,
    ).rejects.toThrow('only under a current lease')
  })

  test('does not close while a holder is open, and is never deleted open', async () => {
    const h = await held('close')
    const grant = database.sql`cluster_id = ${cluster.id} and sid = ${h.sid}`
    await expect(
      database.sql`update run_grant set closed_at = clock_timestamp() where ${grant}`,
    ).rejects.toThrow('closes after each of its holders')
    await expect(database.sql`delete from run_grant where ${grant}`).rejects.toThrow(
      'never deleted',
    )
  })

  test('survives the removal of its service and blocks that of its node (S18)', async () => {
    const h = await held('removed')
    await database.sql`delete from service where sid = ${h.sid}`
    const open = await database.sql`
      select from run_grant where sid = ${h.sid} and closed_at is null`
    expect(open).toHaveLength(1)
    await expect(
      database.sql`update node set removed_at = clock_timestamp() where uid = ${h.node.uid}`,
    ).rejects.toThrow('while grants on it are open')
  })
})

describe('a holder', () => {
  test('is closed by its own evidence only', async () => {
    const [a, b] = [await held('mine'), await held('yours')]
    const id = await evidence(b)
    await expect(close(a, id)).rejects.toThrow()
    await expect(
      close(a, id, { evidence_sid: b.sid, evidence_generation: b.generation }),
    ).rejects.toThrow('holder_evidence_scope')
    await close(a, await evidence(a))
  })

  test('is never closed without evidence', async () => {
    const h = await held('bare')
    await expect(
      database.sql`
        update run_grant_holder set closed_at = clock_timestamp() where sid = ${h.sid}`,
    ).rejects.toThrow('holder_closed_by_evidence')
  })

  test('that was confirmed is not closed as never confirmed', async () => {
    const h = await held('confirmed')
    await database.sql`
      update run_grant_holder set confirmed_at = clock_timestamp() where sid = ${h.sid}`
    await revoke(h)
    const id = await evidence(h, { kind: 'never-confirmed', revoked_epoch: 1 })
    await expect(close(h, id, { evidence_kind: 'never-confirmed' })).rejects.toThrow(
      'holder_never_confirmed',
    )
  })

  test('of one epoch is not closed by evidence of another (S17a)', async () => {
    const h = await held('epochs')
    await revoke(h)
    await database.sql`
      insert into revocation (node_uid, epoch, cluster_id, lease_until, guarded, revoked_at, why)
      values (${h.node.uid}, 7, ${cluster.id}, clock_timestamp(), true, clock_timestamp(), 'test')`
    const id = await evidence(h, {
      ...nodeScope,
      epoch: 7,
      revoked_epoch: 7,
      kind: 'operator',
    })
    await expect(
      close(h, id, {
        evidence_kind: 'operator',
        evidence_scope: 'node',
        evidence_sid: null,
        evidence_generation: null,
      }),
    ).rejects.toThrow('foreign key')
  })
})

describe('evidence', () => {
  test('about a node needs the revocation of that epoch first (rule 6, M12)', async () => {
    const h = await held('unrevoked')
    await expect(evidence(h, { ...nodeScope, kind: 'operator' })).rejects.toThrow('foreign key')
  })

  test('by the watchdog’s deadline needs the deadline behind it', async () => {
    const h = await held('early')
    await revoke(h, "clock_timestamp() + interval '10 s'")
    const late = new Date(Date.now() + 60_000)
    await expect(
      evidence(h, { ...nodeScope, kind: 'watchdog-deadline', guarded: true, lease_until: late }),
    ).rejects.toThrow('evidence_watchdog_deadline')
  })

  test('by the watchdog’s deadline needs a watchdog that was armed throughout', async () => {
    const h = await held('unguarded')
    await revoke(h)
    const past = new Date(Date.now() - 60_000)
    for (const guarded of [false, null])
      await expect(
        evidence(h, { ...nodeScope, kind: 'watchdog-deadline', guarded, lease_until: past }),
      ).rejects.toThrow('evidence_watchdog_deadline')
  })

  test('by a fence device needs a report about that epoch in which it was read off, and that report stays', async () => {
    const { sql } = database
    const h = await held('fenced')
    await revoke(h)
    const report = (order: string, more: Record<string, unknown>) =>
      sql`insert into fence_report ${sql({
        ...{ node_uid: h.node.uid, cluster_id: cluster.id, epoch: 1, order_uid: order, attempt: 1 },
        ...{ outcome: 'off', why: '', devices: '[]', replica: 'r1', at: new Date(), ...more },
      } as never)}`
    await report('failed', { outcome: 'failed' })
    await report('older', { epoch: 0 })
    const off = { ...nodeScope, kind: 'device-off' }
    await expect(evidence(h, off)).rejects.toThrow('evidence_device_off')
    for (const fence_order of ['failed', 'older', 'none'])
      await expect(evidence(h, { ...off, fence_order, fence_outcome: 'off' })).rejects.toThrow(
        'evidence_fence_report_fk',
      )
    await expect(
      evidence(h, { ...off, fence_order: 'failed', fence_outcome: 'failed' }),
    ).rejects.toThrow('evidence_device_off')
    await report('this', {})
    await evidence(h, { ...off, fence_order: 'this', fence_outcome: 'off' })
    const its = sql`node_uid = ${h.node.uid} and order_uid = 'this'`
    await expect(sql`delete from fence_report where ${its}`).rejects.toThrow('fence_report')
    await expect(sql`update fence_report set outcome = 'failed' where ${its}`).rejects.toThrow(
      'fence_report',
    )
  })

  test('of a service cannot have the scope of a node, nor the other way round', async () => {
    const h = await held('scope')
    await expect(evidence(h, { kind: 'new-boot' })).rejects.toThrow('evidence_kind_and_scope')
    await expect(evidence(h, { scope: 'node' })).rejects.toThrow()
  })
})

describe('a lease', () => {
  test('never moves its fence deadline, its epoch or its sequence back (rule 4)', async () => {
    const { node } = await held('back')
    const set = (what: string) =>
      database.sql.unsafe(`update lease set ${what} where node_uid = '${node.uid}'`)
    await set('epoch = 5, boot_id = null, seq = 0')
    await expect(set('epoch = 4')).rejects.toThrow('never go back')
    await expect(set("lease_until = lease_until - interval '1 ms'")).rejects.toThrow(
      'never moves back',
    )
  })

  test('goes to no new boot while a grant of an older epoch is open (S3)', async () => {
    const h = await held('rejoin')
    await revoke(h)
    await expect(
      database.sql`update lease set boot_id = 'a-new-boot' where node_uid = ${h.node.uid}`,
    ).rejects.toThrow('no new lease epoch while grants of older ones are open')
    await database.sql`update run_grant_holder set epoch = 2 where sid = ${h.sid}`
    await database.sql`update lease set boot_id = 'a-new-boot' where node_uid = ${h.node.uid}`
  })

  test('belongs to one boot for as long as its epoch lasts (S9b)', async () => {
    const { node } = await held('boots')
    await expect(
      database.sql`update lease set boot_id = 'another' where node_uid = ${node.uid}`,
    ).rejects.toThrow('belongs to one boot')
  })

  test('is never deleted, nor is its node', async () => {
    const { node } = await held('delete')
    await expect(database.sql`delete from lease where node_uid = ${node.uid}`).rejects.toThrow(
      'never deleted',
    )
    await expect(database.sql`delete from node where uid = ${node.uid}`).rejects.toThrow()
  })
})
