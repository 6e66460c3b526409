// Guarantees about edits of groups, nodes and settings: nothing is accepted that leaves a service without any node,
// makes a timing unsound, loses the quorum, or forgets a node on which something may still run.
import { beforeAll, describe, expect, test } from 'vitest'
import { confirmDead } from '../../control-plane/fence/operator-confirm.ts'
import { fenceAfterMs, profiles } from '../../shared/timing.ts'
import { addNode, openGrant, service, testApi, wishes } from './harness.ts'

const api = testApi()
let n1 = ''
let dead = ''

beforeAll(async () => {
  n1 = await addNode(api, 'n1')
  await addNode(api, 'n2')
  await addNode(api, 'spare', { renewedMsAgo: null })
  dead = await addNode(api, 'dead', { renewedMsAgo: 600_000, leaseLeftMs: -500_000 })
  await addNode(api, 'bare', { renewedMsAgo: null, drivers: [] })
})

async function unchanged(asked: [string, string, unknown, number, string][]) {
  const before = await wishes(api)
  for (const [method, path, body, status, code] of asked) {
    const answer = await api.ask(method, path, body)
    expect([path, answer.status, answer.body?.code]).toEqual([path, status, code])
  }
  expect(await wishes(api)).toBe(before)
}

describe('groups', () => {
  test('live from add to delete', async () => {
    const made = await api.ask('POST', '/groups', { name: 'web', nodes: { n1: 2, n2: 1 } })
    expect(made).toMatchObject({ status: 201, body: { restricted: false, version: 1 } })
    const patched = await api.ask('PATCH', '/groups/web', { nofailback: true })
    expect(patched.body).toMatchObject({ nofailback: true, nodes: { n1: 2, n2: 1 }, version: 2 })
    expect((await api.ask('GET', '/groups')).body).toHaveLength(1)
    expect((await api.ask('DELETE', '/groups/web')).status).toBe(204)
    expect((await api.ask('GET', '/groups/web')).body.code).toBe('unknown-group')
  })

  test('an edit that strands a service is refused and names it (D14)', async () => {
    await api.ask('POST', '/groups', { name: 'strict', nodes: { n1: 1 }, restricted: true })
    await api.ask('POST', '/groups', { name: 'loose', nodes: { elsewhere: 1 } })
    await api.ask('POST', '/services', service('kept', { group: 'strict' }))
    await unchanged([
      ['PATCH', '/groups/strict', { nodes: { elsewhere: 1 } }, 409, 'no-possible-node'],
      ['PATCH', '/groups/strict', { nodes: { bare: 1 } }, 409, 'no-possible-node'],
      ['DELETE', '/groups/strict', undefined, 409, 'group-in-use'],
      ['POST', '/groups', { name: 'strict', nodes: { n1: 1 } }, 409, 'already-exists'],
      [
        'POST',
        '/groups',
        { name: 'xx', nodes: { no: 1 }, restricted: true },
        409,
        'no-possible-node',
      ],
      ['POST', '/groups', { name: 'empty', nodes: {} }, 422, 'invalid'],
      ['POST', '/groups', { name: 'a/b', nodes: { n1: 1 } }, 422, 'invalid'],
      ['DELETE', '/nodes/n1', undefined, 409, 'no-possible-node'],
    ])
    const answer = await api.ask('PATCH', '/groups/strict', { nodes: { bare: 1 } })
    expect(answer.body.detail).toContain('process:kept')
  })

  test('what is ignored needs no node until it is wanted', async () => {
    const bare = { name: 'bare', nodes: { bare: 1, n1: 1 }, restricted: true }
    await api.ask('POST', '/groups', bare)
    const sleeper = service('sleeper', { group: 'bare', requested: 'ignored' })
    expect((await api.ask('POST', '/services', sleeper)).status).toBe(201)
    expect((await api.ask('PATCH', '/groups/bare', { nodes: { bare: 1 } })).status).toBe(200)
    await unchanged([
      ['POST', '/services/process:sleeper/enable', undefined, 409, 'no-possible-node'],
      ['PATCH', '/services/process:sleeper', { requested: 'started' }, 409, 'no-possible-node'],
    ])
    await api.ask('DELETE', '/services/process:sleeper')
    await api.ask('DELETE', '/groups/bare')
  })

  test('a service of an unrestricted group may run elsewhere', async () => {
    const made = await api.ask('POST', '/services', service('free', { group: 'loose' }))
    expect(made.status).toBe(201)
  })
})

describe('nodes', () => {
  test('a node on which something may run is not removed', async () => {
    await openGrant(api, 'process:kept', n1)
    await unchanged([['DELETE', '/nodes/n1', undefined, 409, 'grants-open']])
  })

  test('a removed node keeps its row, loses its epoch and frees its name', async () => {
    expect((await api.ask('DELETE', '/nodes/spare')).status).toBe(204)
    expect((await api.ask('GET', '/nodes/spare')).status).toBe(404)
    const [row] = await api.sql`
      select l.epoch, l.boot_id from node n join lease l on l.node_uid = n.uid
      where n.name = 'spare' and n.removed_at is not null`
    expect(row).toMatchObject({ epoch: '2', boot_id: null })
  })
})

describe('a person’s word that a node is dead', () => {
  test('is refused while it renews, misspelt, or with nothing to confirm', async () => {
    await unchanged([
      ['POST', '/nodes/n1/fence-confirm', { typedName: 'n1', force: true }, 409, 'node-renews'],
      ['POST', '/nodes/dead/fence-confirm', { typedName: 'ded' }, 422, 'name-mismatch'],
      ['POST', '/nodes/dead/fence-confirm', { typedName: 'dead' }, 409, 'nothing-to-confirm'],
      ['POST', '/nodes/n9/fence-confirm', { typedName: 'n9' }, 404, 'unknown-node'],
    ])
  })

  test('revokes first, is kept as evidence with its actor, and closes the grants', async () => {
    await api.sql`
      update lease set lease_until = clock_timestamp() + interval '1 hour' where node_uid = ${dead}`
    const generation = await openGrant(api, 'process:free', dead)
    await unchanged([
      ['POST', '/nodes/dead/fence-confirm', { typedName: 'dead' }, 409, 'before-deadline'],
    ])
    const dry = await api.ask('POST', '/nodes/dead/fence-confirm?dryRun=true', {
      typedName: 'dead',
      force: true,
    })
    expect(dry.body.would.body.closed).toEqual([{ sid: 'process:free', generation }])
    const answer = await api.ask('POST', '/nodes/dead/fence-confirm', {
      typedName: 'dead',
      force: true,
    })
    expect(answer).toMatchObject({
      status: 200,
      body: { node: 'dead', epochs: [1], closed: [{ sid: 'process:free', generation }] },
    })
    const [lease] = await api.sql`select epoch, boot_id from lease where node_uid = ${dead}`
    expect(lease).toMatchObject({ epoch: '2', boot_id: null })
    const [holder] = await api.sql`
      select h.closed_at, e.kind, e.facts, g.closed_at as grant_closed
      from run_grant_holder h join evidence e on e.id = h.evidence_id
      join run_grant g on (g.sid, g.generation) = (h.sid, h.generation) where h.node_uid = ${dead}`
    expect(holder).toMatchObject({ kind: 'operator', facts: { typedName: 'dead', force: true } })
    expect(holder?.facts.actor).toContain('a admin')
    expect(holder?.grant_closed).not.toBeNull()
    const why = await api.ask('GET', '/why/process:free')
    expect(why.body.evidence).toMatchObject([{ kind: 'operator', node: 'dead', epoch: 1 }])
    const told = await api.ask('GET', '/why/dead')
    expect(told.body.story.map((one: { line: string }) => one.line).join('\n')).toContain(
      'evidence operator for lease epoch 1',
    )
    const again = await api.ask('POST', '/nodes/dead/fence-confirm', { typedName: 'dead' })
    expect(again.body.code).toBe('nothing-to-confirm')
  })
})

describe('a node that asks for a lease', () => {
  test('is not confirmed dead, by no door and with no force', async () => {
    const uid = await addNode(api, 'asking', { renewedMsAgo: 600_000 })
    await openGrant(api, 'process:asked', uid)
    const ask = (bootId: string, hardwareId: string, found = '[]') => api.sql`
      insert into epoch_request (node_uid, cluster_id, boot_id, hardware_id, plane_epoch, nonce,
        found, facts, sent_ms, requested_at)
      values (${uid}, ${api.clusterId}, ${bootId}, ${hardwareId}, 1, null,
        ${found}::text::jsonb, '{}', 1, clock_timestamp())
      on conflict (node_uid) do update set boot_id = excluded.boot_id, found = excluded.found,
        hardware_id = excluded.hardware_id, requested_at = excluded.requested_at`
    const wish = { clusterId: api.clusterId, node: 'asking', actor: 'test', force: true }
    const confirm = () => api.sql.begin((tx) => confirmDead(tx, { ...wish, silentMs: 9_000 }))
    await ask('boot-asking', 'hardware-asking')
    expect(await confirm()).toMatchObject({ refused: true, code: 'node-renews' })
    await unchanged([
      [
        'POST',
        '/nodes/asking/fence-confirm',
        { typedName: 'asking', force: true },
        409,
        'node-renews',
      ],
    ])
    await ask('boot-later', 'hardware-asking')
    expect(await confirm()).toMatchObject({ refused: true, code: 'node-renews' })
    await ask('boot-spare', 'spare', '[{"sid":"process:asked","generation":1,"state":"running"}]')
    expect(await confirm()).toMatchObject({ refused: true, code: 'node-renews' })
    // A spare machine that runs nothing says nothing of the one that ran its services.
    await ask('boot-spare', 'spare')
    expect(await confirm()).toMatchObject({ closed: [{ sid: 'process:asked' }] })
  })
})

describe('the last word of a dead node', () => {
  test('about what this database never granted counts no more once a person vouches for its death', async () => {
    const uid = await addNode(api, 'stray', { renewedMsAgo: 600_000, leaseLeftMs: -1_000 })
    await api.sql`update lease set epoch = 2, boot_id = null where node_uid = ${uid}`
    await api.sql`
      insert into node_report (node_uid, cluster_id, epoch, boot_id, seq, revision, at, report)
      values (${uid}, ${api.clusterId}, 1, 'boot-stray', 1, 0, clock_timestamp(), ${JSON.stringify({
        running: [{ sid: 'process:strayed', generation: 900, state: 'running', stable: true }],
        closed: [],
        results: [],
      })}::text::jsonb)`
    await api.ask('POST', '/services', service('strayed'))
    const answer = await api.ask('POST', '/nodes/stray/fence-confirm', { typedName: 'stray' })
    expect(answer).toMatchObject({ status: 200, body: { epochs: [], closed: [] } })
    expect(await api.sql`select from node_report where node_uid = ${uid}`).toHaveLength(0)
    const again = await api.ask('POST', '/nodes/stray/fence-confirm', { typedName: 'stray' })
    expect(again.body.code).toBe('nothing-to-confirm')
  })
})

describe('a node whose epoch the CRM has revoked', () => {
  test('is confirmed dead without another revocation', async () => {
    const uid = await addNode(api, 'lost', { renewedMsAgo: 600_000, leaseLeftMs: 1_000 })
    const generation = await openGrant(api, 'process:stuck', uid)
    await api.sql`
      select pg_sleep(extract(epoch from lease_until - clock_timestamp()) + 0.01)
      from lease where node_uid = ${uid}`
    await api.sql`
      insert into revocation (node_uid, epoch, cluster_id, boot_id, lease_until, revoked_at, why)
      select node_uid, epoch, cluster_id, boot_id, lease_until, clock_timestamp(), 'silent'
      from lease where node_uid = ${uid}`
    await api.sql`update lease set epoch = 2, boot_id = null where node_uid = ${uid}`
    const answer = await api.ask('POST', '/nodes/lost/fence-confirm', { typedName: 'lost' })
    expect(answer.body).toMatchObject({
      epochs: [1],
      closed: [{ sid: 'process:stuck', generation }],
    })
    const [lease] = await api.sql`select epoch from lease where node_uid = ${uid}`
    expect(lease?.epoch).toBe('2')
    expect((await api.ask('DELETE', '/nodes/lost')).status).toBe(204)
  })
})

describe('settings', () => {
  test('say what they mean', async () => {
    const { body } = await api.ask('GET', '/settings')
    expect(body).toMatchObject({
      settings: { profile: 'default' },
      outageSurvivedMs: 24_000,
      powerLossToStartMs: fenceAfterMs(profiles.default),
      warnings: [],
    })
    const fast = await api.ask('PATCH', '/settings?dryRun=true', { profile: 'fast' })
    expect(fast.body.would.body.warnings.join()).toContain('failover')
  })

  test('an impossible timing is refused with the relation it breaks', async () => {
    await unchanged([
      ['PATCH', '/settings', { timing: { leaseMs: 20_000 } }, 422, 'timing-unsound'],
      ['PATCH', '/settings', { timing: { silentMs: 1 } }, 422, 'timing-unsound'],
      ['PATCH', '/settings', { timing: { leaseMs: -1 } }, 422, 'invalid'],
      ['PATCH', '/settings', { timing: { lease: 60_000 } }, 422, 'invalid'],
      ['PATCH', '/settings', { quorum: 'minority' }, 422, 'invalid'],
    ])
    const answer = await api.ask('PATCH', '/settings', { timing: { leaseMs: 20_000 } })
    expect(answer.body.detail).toContain('3 × watchdogMs')
  })

  test('a change that would lose quorum now is refused, with the count (S-A6)', async () => {
    await api.sql`update lease set reported_at = null where node_uid = ${n1}`
    await unchanged([['PATCH', '/settings', { quorum: 'majority' }, 409, 'would-lose-quorum']])
    const answer = await api.ask('PATCH', '/settings', { quorum: 'majority' })
    expect(answer.body.detail).toMatch(/only \d of \d nodes report/)
  })

  test('the longest lease ever is remembered for quarantines', async () => {
    await api.ask('PATCH', '/settings', { profile: 'edge' })
    const back = await api.ask('PATCH', '/settings', { profile: 'default' })
    expect(back.body.settings.profile).toBe('default')
    const [row] = await api.sql`select longest_lease_ms from cluster where name = 'lab'`
    expect(row?.longest_lease_ms).toBe(180_000)
  })

  test('a change of quorum policy counts every lease as renewed (S-A6)', async () => {
    await api.sql`update lease set reported_at = clock_timestamp()`
    const on = await api.ask('PATCH', '/settings', { quorum: 'majority' })
    expect(on.status).toBe(200)
    // Who has lost the quorum by an outage may still repair the settings.
    await api.sql`update lease set reported_at = null`
    expect((await api.ask('PATCH', '/settings', { maxWorkers: 3 })).status).toBe(200)
    await api.sql`select pg_sleep(0.01)`
    const [before] = await api.sql`select clock_timestamp() as now`
    expect((await api.ask('PATCH', '/settings', { quorum: 'plane' })).status).toBe(200)
    const rows = await api.sql`
      select lease_until >= ${before?.now}::timestamptz
        + ${`${fenceAfterMs(profiles.default)} milliseconds`}::interval as enough from lease`
    expect(rows.every((row) => row.enough)).toBe(true)
  })
})
