// Guarantees about imports: all or nothing, nothing is started, and every fault is named by file and line.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, service, testApi, wishes } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  for (const node of ['n1', 'n2', 'n3']) await addNode(api, node)
  await api.ask('POST', '/services', service('old'))
  await api.ask('POST', '/rules', {
    id: 'ours',
    type: 'node-affinity',
    resources: ['process:old'],
    nodes: { n1: 1 },
  })
})

const files = {
  'resources.cfg':
    'vm: 100\n\tgroup web\n\tmax_restart 4\n\tfailback 0\n\tcomment the%20first\n\nvm: 101\n\nct: 102\n\tstate stopped\n',
  'groups.cfg': 'group: web\n\tnodes n1:2,n2\n\trestricted 1\n',
  'rules.cfg':
    'resource-affinity: apart\n\taffinity negative\n\tresources vm:101,ct:102\n\nresource-affinity: both\n\taffinity positive\n\tresources vm:101,ct:102\n\tdisable\n',
  'datacenter.cfg': 'crs: ha=static\nha: shutdown_policy=migrate\nmax_workers: 6\n',
  manager_status: '{"service_status":{"vm:100":{"state":"started","node":"n2"}}}',
}

describe('a faulty import', () => {
  test('changes nothing, and names every file and line', async () => {
    const before = await wishes(api)
    const wrong = {
      ...files,
      'resources.cfg': `${files['resources.cfg']}\nvm: 1\n`,
      'rules.cfg': `${files['rules.cfg']}\nnode-affinity: far\n\tnodes n7\n\tresources vm:100\n`,
      'datacenter.cfg': 'crs: ha=clever\n',
    }
    const answer = await api.ask('POST', '/import', { files: wrong })
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } })
    expect(answer.body.errors.map((error: { field: string }) => error.field)).toEqual([
      'resources.cfg:12',
      'rules.cfg:10',
      'datacenter.cfg:1',
    ])
    expect(await wishes(api)).toBe(before)
  })

  test.each([
    ['no files', { files: {} }, 'files'],
    ['another file', { files: { 'fence.cfg': '' } }, 'files.fence.cfg'],
    ['another wish', { files, requested: 'started' }, 'requested'],
    ['no text', { files: { 'rules.cfg': 5 } }, 'files.rules.cfg'],
  ])('%s is refused with the field', async (_, body, field) => {
    const answer = await api.ask('POST', '/import', body)
    expect([answer.status, answer.body.errors[0].field]).toEqual([422, field])
  })

  test('is not an operator’s to make', async () => {
    const operator = api.as(await api.token('operator', api.clusterId))
    expect((await operator('POST', '/import', { files })).status).toBe(403)
  })
})

describe('an import', () => {
  test('as a dry run says what it would do and does nothing', async () => {
    const before = await wishes(api)
    const dry = await api.ask('POST', '/import?dryRun=true', { files })
    expect(dry).toMatchObject({ status: 200, body: { dryRun: true } })
    expect(dry.body.would.body.services).toHaveLength(3)
    // The next round is not asked for anything: what is ignored is left alone.
    expect(dry.body.changes.filter((line: string) => /vm:|ct:/.test(line))).toEqual([])
    expect(await wishes(api)).toBe(before)
  })

  test('takes over groups, services, rules and settings at once, and starts nothing', async () => {
    const answer = await api.ask('POST', '/import', { files })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        groups: ['web'],
        services: [
          {
            sid: 'vm:100',
            requested: 'ignored',
            node: 'n2',
            there: { requested: 'started', state: 'started', node: 'n2' },
          },
          { sid: 'vm:101', requested: 'ignored', node: null },
          { sid: 'ct:102', requested: 'ignored', there: { requested: 'stopped', state: null } },
        ],
        rules: [
          { id: 'apart', disabled: false },
          { id: 'both', disabled: true },
        ],
        settings: { maxWorkers: 6, shutdownPolicy: 'migrate', scheduling: { mode: 'static' } },
        notes: [{ file: 'resources.cfg', about: 'vm' }],
      },
    })
    const shown = await api.ask('GET', '/services/vm:100')
    expect(shown.body).toMatchObject({
      requested: 'ignored',
      spec: {},
      group: 'web',
      maxRestart: 4,
      failback: false,
      comment: 'the first',
      status: { state: 'ignored' },
    })
    expect((await api.ask('GET', '/rules')).body).toMatchObject([
      { id: 'ours', order: 1 },
      { id: 'apart', order: 2, inUse: true },
      { id: 'both', order: 3, disabled: true },
    ])
    expect((await api.ask('GET', '/settings')).body).toMatchObject({
      settings: { maxWorkers: 6, profile: 'default' },
      version: 2,
    })
    expect(await api.sql`select from command`).toHaveLength(0)
    const [row] = await api.sql`select detail from audit_log order by id desc limit 1`
    expect(row?.detail).toEqual({ files: Object.keys(files), requested: 'ignored' })
  })

  test('is not made twice', async () => {
    const before = await wishes(api)
    const again = await api.ask('POST', '/import', { files })
    expect(again.body.errors.map((error: { field: string }) => error.field)).toEqual([
      'resources.cfg:1',
      'resources.cfg:7',
      'resources.cfg:9',
      'groups.cfg:1',
      'rules.cfg:1',
      'rules.cfg:5',
    ])
    expect(await wishes(api)).toBe(before)
  })

  test('leaves services that nobody can want before a node can run them, and everything else editable', async () => {
    const wanted = await api.ask('POST', '/services/vm:100/enable')
    expect(wanted.body).toMatchObject({ code: 'invalid', errors: [{ field: 'spec' }] })
    expect((await api.ask('PATCH', '/groups/web', { nodes: { n1: 1 } })).status).toBe(200)
    expect((await api.ask('PATCH', '/services/vm:100', { comment: 'x' })).status).toBe(200)
    expect((await api.ask('DELETE', '/services/ct:102')).body.rules).toEqual({
      changed: ['both'],
      disabled: ['apart'],
      deleted: [],
    })
  })

  test('of thousands of services is one request', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `vm: ${10_000 + at}\n\tstate started\n`)
    const answer = await api.ask('POST', '/import', { files: { 'resources.cfg': many.join('\n') } })
    expect(answer.status).toBe(200)
    expect(answer.body.services).toHaveLength(5_000)
  })
})
