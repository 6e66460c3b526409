// Guarantees of what a node may ask with its own credential: about its own services only, while the plane trusts it, through
// the same intake as operators, written down under its name, and not without end.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createCluster, profileSettings } from '../../control-plane/store/bootstrap.ts'
import { findNode } from '../../control-plane/store/nodes.ts'
import { hashSecret } from '../../control-plane/store/secrets.ts'
import { addNode, type Api, type Ask, openGrant, service, testApi, wishes } from './harness.ts'

const api = testApi()
const uids: Record<string, string> = {}
const secretOf = (name: string) => `hfn_${name}_${'x'.repeat(32)}`

/** As the tool on that node asks. */
const on =
  (name: string): Ask =>
  (...args) =>
    api.as(secretOf(name), '/agent/v1')(...args)

async function join(name: string, drivers = ['process']) {
  uids[name] = await addNode(api, name, { drivers })
  await api.sql`
    update node set credential_hash = ${hashSecret(secretOf(name))} where uid = ${uids[name]}`
}

async function place(sid: string, state: string, node: string) {
  const record = {
    ...{ uid: 'u', target: null, running: state === 'started', failedNodes: [], command: null },
    ...{ stopTimeoutMs: null, restart: false, fallbackNode: null, moveFailures: 0 },
    ...{ retryAtMs: null, deadlineMs: null, probeRound: null, groupUnavailable: false },
  }
  await api.sql`
    insert into service_status (cluster_id, sid, state, node_uid, since, record)
    values (${api.clusterId}, ${sid}, ${state}, ${uids[node] as string}, clock_timestamp(),
      ${JSON.stringify(record)}::text::jsonb)`
}

async function lastAudit() {
  const [row] = await api.sql`select * from audit_log order by id desc limit 1`
  return row
}

const requested = async (sid: string) =>
  (await api.ask('GET', `/services/${sid}`)).body.requested as string

beforeAll(async () => {
  for (const name of ['n1', 'n2', 'n3']) await join(name)
  await join('other', ['ct'])
  for (const [name, node, state] of [
    ['mine', 'n1', 'started'],
    ['theirs', 'n2', 'started'],
    ['off', 'n2', 'stopped'],
    ['broken', 'n1', 'error'],
  ] as const) {
    const wish = state === 'stopped' ? 'stopped' : 'started'
    const made = await api.ask('POST', '/services', service(name, { requested: wish }))
    expect(made.status).toBe(201)
    await place(`process:${name}`, state, node)
  }
})
beforeEach(async () => {
  await api.sql`
    update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp(),
      lease_until = clock_timestamp() + interval '60 seconds'`
  await api.sql`update node_status set state = 'online'`
})

describe('of a service that is on the node', () => {
  test('a stop is a command and a wish, killed at once, and audited as the node', async () => {
    api.rung.length = 0
    const answer = await on('n1')('POST', '/services/process:mine/stop')
    expect(answer).toMatchObject({
      status: 202,
      body: { kind: 'stop', sid: 'process:mine', status: 'pending', actor: 'node n1' },
    })
    const [row] = await api.sql`select * from command where uid = ${answer.body.uid}`
    expect(row?.arguments).toEqual({ stopTimeoutMs: 0 })
    expect(await requested('process:mine')).toBe('stopped')
    expect(api.rung).toEqual([api.clusterId])
    expect(await lastAudit()).toMatchObject({
      ...{ actor: 'node n1', method: 'POST', status: 202, cluster_id: api.clusterId },
      path: '/agent/v1/services/process:mine/stop',
      detail: { command: answer.body.uid, kind: 'stop', sid: 'process:mine' },
    })
  })

  test('a shutdown has the time it is given, else the service’s own', async () => {
    const shutdown = async (body?: object) => {
      const { body: row } = await on('n1')('POST', '/services/process:mine/shutdown', body)
      return (await api.sql`select arguments from command where uid = ${row.uid}`)[0]?.arguments
    }
    expect(await shutdown({ timeoutMs: 7_000 })).toEqual({ stopTimeoutMs: 7_000 })
    expect(await shutdown()).toEqual({})
  })

  test('start, restart and migrate are commands too', async () => {
    const start = await on('n1')('POST', '/services/process:mine/start')
    expect(start).toMatchObject({ status: 202, body: { kind: 'start' } })
    expect(await requested('process:mine')).toBe('started')
    const restart = await on('n1')('POST', '/services/process:mine/restart', {})
    expect(restart).toMatchObject({ status: 202, body: { kind: 'restart' } })
    const migrate = await on('n1')('POST', '/services/process:mine/migrate', { node: 'n2' })
    expect(migrate).toMatchObject({ status: 202, body: { kind: 'migrate', node: 'n2' } })
  })

  test('how it stands is told, and how the node’s own commands ended, nobody else’s', async () => {
    const status = await on('n1')('GET', '/services/process:mine')
    expect(status).toMatchObject({
      status: 200,
      body: { sid: 'process:mine', requested: 'started', crmState: 'started', node: 'n1' },
    })
    const own = await on('n1')('POST', '/services/process:mine/start')
    const asked = await on('n1')('GET', `/commands/${own.body.uid}?wait=0`)
    expect(asked.body).toMatchObject({ uid: own.body.uid, status: 'pending' })
    const operators = await api.ask('POST', '/services/process:mine/start')
    for (const [node, uid] of [
      ['n1', operators.body.uid],
      ['n2', own.body.uid],
    ])
      expect(await on(node)('GET', `/commands/${uid}`)).toMatchObject({
        ...{ status: 404, body: { code: 'unknown-command' } },
      })
  })

  test('a wait ends with the command', async () => {
    const end = (reason: string) => api.sql`
      update command set status = 'failed', reason = ${reason}, finished_at = clock_timestamp()
      where finished_at is null returning uid`
    await end('an earlier one')
    const waiting = on('n1')('POST', '/services/process:mine/start?wait=20')
    await expect.poll(async () => (await end('no room')).length).toBe(1)
    expect(await waiting).toMatchObject({
      ...{ status: 200, body: { status: 'failed', reason: 'no room' } },
    })
  })
})

describe('of a service of another node', () => {
  test.each(['stop', 'shutdown', 'restart', 'migrate'])(
    'no %s, whatever the intake would say; the refusal is audited',
    async (operation) => {
      const before = await wishes(api)
      const body = operation === 'migrate' ? { node: 'n1' } : {}
      const answer = await on('n1')('POST', `/services/process:theirs/${operation}`, body)
      expect(answer).toMatchObject({ status: 403, body: { code: 'not-of-this-node' } })
      expect(answer.body.detail).toContain('is on n2')
      expect(await wishes(api)).toBe(before)
      expect(await lastAudit()).toMatchObject({
        ...{ actor: 'node n1', status: 403, detail: { refused: 'not-of-this-node' } },
      })
    },
  )

  test('a start and a look, where the node could run it', async () => {
    expect((await on('n1')('GET', '/services/process:off')).status).toBe(200)
    expect(await on('n1')('POST', '/services/process:off/start')).toMatchObject({ status: 202 })
    expect(await requested('process:off')).toBe('started')
  })

  test('neither, where it has no driver for it', async () => {
    for (const answer of [
      await on('other')('POST', '/services/process:off/start'),
      await on('other')('GET', '/services/process:off'),
    ])
      expect(answer).toMatchObject({ status: 403, body: { code: 'not-of-this-node' } })
  })

  test('neither, where a rule forbids it to the node', async () => {
    const rule = { id: 'only-n2', type: 'node-affinity', resources: ['process:off'] }
    const strict = { ...rule, nodes: { n2: 0 }, strict: true }
    expect((await api.ask('POST', '/rules', strict)).status).toBe(201)
    const answer = await on('n1')('POST', '/services/process:off/start')
    expect(answer).toMatchObject({ status: 403, body: { code: 'not-of-this-node' } })
    expect(answer.body.detail).toContain('only-n2')
    expect((await on('n2')('POST', '/services/process:off/start')).status).toBe(202)
  })

  test('all of it, where the node holds its grant', async () => {
    await openGrant(api, 'process:theirs', uids['n3'] as string)
    expect((await on('n3')('POST', '/services/process:theirs/restart')).status).toBe(202)
  })
})

describe('nothing is accepted', () => {
  test('that operators would be refused', async () => {
    for (const [path, body, status, code] of [
      ['process:broken/start', {}, 409, 'service-in-error'],
      ['process:broken/migrate', { node: 'n2' }, 409, 'service-in-error'],
      ['process:mine/migrate', { node: 'n1' }, 409, 'already-there'],
      ['process:mine/migrate', { node: 'n9' }, 404, 'unknown-node'],
      ['process:mine/migrate', { node: 'other' }, 409, 'node-not-usable'],
    ] as const) {
      const answer = await on('n1')('POST', `/services/${path}`, body)
      expect({ path, ...answer }).toMatchObject({ path, status, body: { code } })
    }
  })

  test('of a service that the cluster does not know, or does not manage now', async () => {
    const unknown = await on('n1')('POST', '/services/process:nobody/start')
    expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown-service' } })
    await api.ask('POST', '/services', service('ignored', { requested: 'ignored', node: 'n1' }))
    for (const operation of ['start', 'stop', 'restart']) {
      const answer = await on('n1')('POST', `/services/process:ignored/${operation}`)
      expect(answer).toMatchObject({ status: 409, body: { code: 'service-ignored' } })
    }
    expect(await requested('process:ignored')).toBe('ignored')
  })

  test('while the cluster is disarmed and leaves everything to people; frozen it takes wishes, not moves', async () => {
    const ask = (operation: string, body = {}) =>
      on('n1')('POST', `/services/process:mine/${operation}`, body)
    const disarm = async (mode: 'freeze' | 'ignore') => {
      const now = { mode, state: 'disarmed', sinceMs: 1, effectiveMs: 1 }
      await api.sql`
        insert into crm (cluster_id, disarm)
        values (${api.clusterId}, ${JSON.stringify(now)}::text::jsonb)
        on conflict (cluster_id) do update set disarm = excluded.disarm`
    }
    try {
      await disarm('ignore')
      for (const operation of ['start', 'stop', 'restart'])
        expect(await ask(operation)).toMatchObject({ status: 409, body: { code: 'hands-off' } })
      await disarm('freeze')
      const move = await ask('migrate', { node: 'n2' })
      expect(move).toMatchObject({ status: 409, body: { code: 'disarmed' } })
      expect((await ask('start')).status).toBe(202)
    } finally {
      await api.sql`update crm set disarm = null where cluster_id = ${api.clusterId}`
    }
  })

  test('of a service of another cluster, under whatever name', async () => {
    const settings = profileSettings('default')
    const far = await createCluster(api.sql, { name: 'far', development: true, settings })
    const uid = await addNode({ ...api, clusterId: far.id } as Api, 'n1')
    const secret = secretOf('far-n1')
    await api.sql`update node set credential_hash = ${hashSecret(secret)} where uid = ${uid}`
    const answer = await api.as(secret, '/agent/v1')('POST', '/services/process:mine/stop')
    expect(answer).toMatchObject({ status: 404, body: { code: 'unknown-service' } })
    const [row] = await api.sql`select cluster_id from audit_log order by id desc limit 1`
    expect(row?.cluster_id).toBe(far.id)
  })

  test('from a node that is fenced, or whose lease is not renewed', async () => {
    const ask = () => on('n1')('POST', '/services/process:mine/stop')
    const refusal = { status: 403, body: { code: 'node-not-answering' } }
    const uid = uids['n1'] as string
    for (const state of ['fence', 'unknown', 'gone']) {
      await api.sql`update node_status set state = ${state} where node_uid = ${uid}`
      expect(await ask()).toMatchObject(refusal)
    }
    await api.sql`update node_status set state = 'online' where node_uid = ${uid}`
    await api.sql`update lease set epoch = epoch + 1, boot_id = null where node_uid = ${uid}`
    expect(await ask()).toMatchObject(refusal)
    expect((await on('n1')('GET', '/services/process:mine')).status).toBe(403)
    await api.sql`update lease set boot_id = 'the next boot' where node_uid = ${uid}`
    expect((await ask()).status).toBe(202)
  })

  test('without a credential, with an operator’s token, or from a node that was removed, at once', async () => {
    const path = '/services/process:mine/start'
    for (const secret of [null, 'nonsense-nonsense', await api.token('admin', null)])
      expect(await api.as(secret, '/agent/v1')('POST', path)).toMatchObject({ status: 401 })
    await join('leaving')
    await place('process:leaver', 'started', 'leaving')
    await api.ask('POST', '/services', service('leaver'))
    expect((await on('leaving')('POST', '/services/process:leaver/start')).status).toBe(202)
    await api.sql`
      update node set removed_at = clock_timestamp() where uid = ${uids['leaving'] as string}`
    expect(await findNode(api.sql, secretOf('leaving'))).toBeNull()
    expect((await on('leaving')('POST', '/services/process:leaver/start')).status).toBe(401)
  })

  test('of an operator’s other routes with a node’s credential', async () => {
    const asNode = api.as(secretOf('n1'))
    for (const path of ['/status', '/services', '/nodes', '/audit'])
      expect((await asNode('GET', path)).status).toBe(401)
    for (const operation of ['remove', 'disable', 'relocate', 'enable'])
      expect((await on('n1')('POST', `/services/process:mine/${operation}`)).status).toBe(404)
  })

  test('that is not exactly a request: fields, queries and names are strict', async () => {
    const before = await wishes(api)
    for (const [path, body, status] of [
      ['process:mine/stop', { timeoutMs: 5 }, 422],
      ['process:mine/shutdown', { timeoutMs: -1 }, 422],
      ['process:mine/migrate', {}, 422],
      ['process:mine/migrate', '{"node":', 400],
      ['process:mine/start?dryRun=true', {}, 422],
      ['process:mine/start?wait=1000', {}, 422],
      ['nonsense/start', {}, 422],
    ] as const)
      expect({ path, ...(await on('n2')('POST', `/services/${path}`, body)) }).toMatchObject({
        ...{ path, status },
      })
    expect(await wishes(api)).toBe(before)
  })
})

test('a node that has too much held at once is told to wait, and what it has held is counted off again', async () => {
  const { body } = await on('n1')('POST', '/services/process:mine/start')
  const hold = () => on('n1')('GET', `/commands/${body.uid}?wait=1`)
  const all = await Promise.all(Array.from({ length: 40 }, hold))
  expect(all.map(({ status }) => status).filter((status) => status === 429)).toHaveLength(8)
  expect((await hold()).status).toBe(200)
})

test('a node that asks without end is told to wait, and that fills no audit log; others go on', async () => {
  const count = async () => (await api.sql`select count(*)::int as n from audit_log`)[0]?.n
  const before = await count()
  const answers = []
  for (let i = 0; i < 100; i++)
    answers.push(await on('other')('POST', '/services/process:off/stop'))
  const limited = answers.filter(({ status }) => status === 429)
  expect(limited.length).toBeGreaterThan(20)
  expect(limited[0]).toMatchObject({ body: { code: 'too-many-requests' } })
  expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await count()) - before).toBe(100 - limited.length)
  expect((await on('n3')('POST', '/services/process:theirs/restart')).status).toBe(202)
})
