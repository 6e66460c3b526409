// Guarantees of the operator API on services and operations: what is accepted is written whole, what is refused not at all.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, openGrant, service, testApi, wishes } from './harness.ts'

const api = testApi()
let n1 = ''

beforeAll(async () => {
  n1 = await addNode(api, 'n1')
  await addNode(api, 'n2')
})

async function place(sid: string, state: string, node = n1) {
  await api.sql`
    insert into service_status (cluster_id, sid, state, node_uid, since, record)
    values (${api.clusterId}, ${sid}, ${state}, ${node}, clock_timestamp(), ${JSON.stringify({
      uid: 'u',
      target: null,
      running: state === 'started',
      failedNodes: [],
      command: null,
      stopTimeoutMs: null,
      restart: false,
      fallbackNode: null,
      moveFailures: 0,
      retryAtMs: null,
      deadlineMs: null,
      probeRound: null,
      groupUnavailable: false,
    })}::text::jsonb)`
}

describe('a service that is accepted', () => {
  test('is stored with its defaults, audited, and the CRM is rung', async () => {
    api.rung.length = 0
    const made = await api.ask('POST', '/services', service('web', { requested: 'enabled' }))
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ sid: 'process:web', requested: 'started', version: 1 })
    expect(made.headers.get('etag')).toBe('"1"')
    expect(api.rung).toEqual([api.clusterId])
    const [row] = await api.sql`select * from audit_log order by id desc limit 1`
    expect(row).toMatchObject({ method: 'POST', status: 201, cluster_id: api.clusterId })
    expect(row?.actor).toContain('a admin')
    expect(JSON.stringify(row)).not.toContain('/bin/sleep')
  })

  test('is shown with its status, queued until the CRM has seen it', async () => {
    const shown = await api.ask('GET', '/services/process:web')
    expect(shown.body.status).toMatchObject({ state: 'queued', running: false })
    const status = await api.ask('GET', '/status')
    expect(status.status).toBe(200)
    expect(status.body.services).toHaveLength(1)
    expect(status.body.nodes.map((node: { name: string }) => node.name)).toEqual(['n1', 'n2'])
    expect(status.body.nodes[0]).toMatchObject({ state: 'online', watchdog: { protects: true } })
    expect(status.body.nodes[0].leaseRemainingMs).toBeGreaterThan(0)
  })

  test('changes only by who has seen its version', async () => {
    const path = '/services/process:web'
    const stale = await api.ask('PATCH', path, { comment: 'x' }, { 'if-match': '"7"' })
    expect(stale).toMatchObject({ status: 412, body: { code: 'version-conflict' } })
    const fresh = await api.ask('PATCH', path, { comment: 'x' }, { 'if-match': '"1"' })
    expect(fresh).toMatchObject({ status: 200, body: { comment: 'x', version: 2 } })
  })
})

describe('an operation', () => {
  test('is a wish and a command in one transaction', async () => {
    const answer = await api.ask('POST', '/services/process:web/stop', { timeoutMs: 5000 })
    expect(answer).toMatchObject({ status: 202, body: { kind: 'stop', status: 'pending' } })
    const [row] = await api.sql`select * from command where uid = ${answer.body.uid}`
    expect(row?.arguments).toEqual({ stopTimeoutMs: 5000 })
    const shown = await api.ask('GET', '/services/process:web')
    expect(shown.body.requested).toBe('stopped')
    const command = await api.ask('GET', `/commands/${answer.body.uid}`)
    expect(command.body).toMatchObject({ uid: answer.body.uid, sid: 'process:web' })
  })

  test('answers as soon as it is finished when asked to wait', async () => {
    const waiting = api.ask('POST', '/services/process:web/start?wait=30')
    const uid = await poll(
      () => api.sql`select uid from command where kind = 'start' and finished_at is null`,
    )
    await api.sql`
      update command set status = 'done', finished_at = clock_timestamp() where uid = ${uid}`
    await api.sql`select pg_notify('holdfast_events', ${String(api.clusterId)})`
    expect(await waiting).toMatchObject({ status: 200, body: { status: 'done' } })
  })

  test('that cannot apply is refused with a reason, before anything is written', async () => {
    await api.ask('POST', '/services', service('broken'))
    await place('process:broken', 'error')
    await api.ask('POST', '/services', service('placed'))
    await place('process:placed', 'started')
    await api.ask('POST', '/services', service('off', { requested: 'ignored' }))
    await api.ask('POST', '/groups', { name: 'only-n1', nodes: { n1: 1 }, restricted: true })
    await api.ask('PATCH', '/services/process:placed', { group: 'only-n1' })
    const before = await wishes(api)
    const refused: [string, unknown, string][] = [
      ['/services/process:broken/start', undefined, 'service-in-error'],
      ['/services/process:broken/enable', undefined, 'service-in-error'],
      ['/services/process:broken/stop', undefined, 'service-in-error'],
      ['/services/process:broken/restart', undefined, 'service-in-error'],
      ['/services/process:broken/migrate', { node: 'n2' }, 'service-in-error'],
      ['/services/process:placed/migrate', { node: 'n1' }, 'already-there'],
      ['/services/process:placed/relocate', { node: 'n2' }, 'forbidden-by-group'],
      ['/services/process:off/stop', undefined, 'service-ignored'],
      ['/services/process:off/restart', undefined, 'service-ignored'],
    ]
    for (const [path, body, code] of refused) {
      const answer = await api.ask('POST', path, body)
      expect([path, answer.status, answer.body.code]).toEqual([path, 409, code])
    }
    const patched = await api.ask('PATCH', '/services/process:broken', { requested: 'stopped' })
    expect(patched.body.code).toBe('service-in-error')
    expect(await wishes(api)).toBe(before)
    expect((await api.ask('POST', '/services/process:broken/disable')).status).toBe(202)
  })

  test('relocate with a time becomes a job that the status shows', async () => {
    const at = '2099-01-01T02:00:00.000Z'
    const answer = await api.ask('POST', '/services/process:web/relocate', { node: 'n2', at })
    expect(answer).toMatchObject({ status: 202, body: { scheduled: { sid: 'process:web', at } } })
    const { body } = await api.ask('GET', '/status')
    expect(body.jobs).toEqual([
      { job: 'relocate-service', about: 'process:web to n2', startAfter: at },
    ])
  })

  test('work that comes again and again is shown with its times', async () => {
    await api.boss.schedule('sweep', '* * * * *')
    const { body } = await api.ask('GET', '/status')
    expect(body.schedules).toEqual([{ job: 'sweep', cron: '* * * * *' }])
  })

  test('remove forgets the wish and keeps the grant', async () => {
    await api.ask('POST', '/services', service('gone'))
    const generation = await openGrant(api, 'process:gone', n1)
    expect((await api.ask('DELETE', '/services/process:gone')).status).toBe(202)
    const { body } = await api.ask('GET', '/status')
    const shown = body.services.find((one: { sid: string }) => one.sid === 'process:gone')
    expect(shown).toMatchObject({ state: 'deleting', requested: null, generation, node: 'n1' })
    const again = await api.ask('POST', '/services', service('gone'))
    expect(again.status).toBe(201)
  })
})

describe('a dry run', () => {
  test('tells what the CRM would do about it', async () => {
    const answer = await api.ask('POST', '/services?dryRun=true', service('planned'))
    expect(answer.body.would).toMatchObject({ status: 201, body: { sid: 'process:planned' } })
    expect(answer.body.changes.join('\n')).toContain('process:planned: added as')
  })

  test('answers what would happen and changes nothing', async () => {
    const before = await wishes(api)
    const [audited] = await api.sql`select count(*) from audit_log where status < 400`
    const asked: [string, string, unknown, number][] = [
      ['POST', '/services?dryRun=true', service('dry'), 201],
      ['PATCH', '/services/process:web?dryRun=true', { comment: 'dry' }, 200],
      ['DELETE', '/services/process:web?dryRun=true', undefined, 202],
      ['POST', '/services/process:web/disable?dryRun=true&wait=5', undefined, 202],
      ['POST', '/groups?dryRun=true', { name: 'dry', nodes: { n1: 1 } }, 201],
      ['POST', '/nodes/n1/maintenance?dryRun=true', { enabled: true }, 202],
      ['POST', '/disarm?dryRun=true', { mode: 'freeze' }, 202],
      ['PATCH', '/settings?dryRun=true', { profile: 'edge' }, 200],
      ['POST', '/join-tokens?dryRun=true', {}, 201],
      ['POST', '/tokens?dryRun=true', { name: 'dry', role: 'viewer' }, 201],
      [
        'POST',
        '/services/process:web/relocate?dryRun=true',
        { node: 'n2', at: '2098-01-01T00:00:00Z' },
        202,
      ],
    ]
    for (const [method, path, body, status] of asked) {
      const answer = await api.ask(method, path, body)
      expect([path, answer.status]).toEqual([path, 200])
      expect(answer.body).toMatchObject({ dryRun: true, would: { status } })
    }
    const refused = await api.ask('POST', '/services?dryRun=true', service('web'))
    expect(refused.body.code).toBe('already-exists')
    expect(await wishes(api)).toBe(before)
    const [after] = await api.sql`select count(*) from audit_log where status < 400`
    expect(after).toEqual(audited)
  })
})

async function poll(look: () => Promise<readonly { uid?: string }[]>): Promise<string> {
  for (;;) {
    const [row] = await look()
    if (row?.uid) return row.uid
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
