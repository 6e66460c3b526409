// Guarantees of asking a node for what is to be taken over from it: the answer is that node's, in time or not at all, nothing is
// changed by it and nothing of it is kept; and no two services are the same machine.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../control-plane/store/secrets.ts'
import { tellQuestion } from '../../control-plane/store/node-questions.ts'
import type { NodeQuestion } from '../../shared/node-question.ts'
import { addNode, testApi } from './harness.ts'

const api = testApi()
const uids: Record<string, string> = {}
const secretOf = (name: string) => `hfn_${name}_${'x'.repeat(32)}`
const uuid = '5c1fa8f0-6dd2-4c6b-9f0e-0f9b1a3c7d10'
const xmlOf = (name: string, of = uuid, devices = '') =>
  `<domain type='kvm'><name>${name}</name><uuid>${of}</uuid><devices>${devices}</devices></domain>`
const domain = { kind: 'described', name: 'web', uuid, xml: xmlOf('web'), state: 'running' }
const described = { ...domain, isAutostarted: false }

const ask = (sid: string, more: object = {}, node = 'n1') =>
  api.ask('POST', `/nodes/${node}/describe`, { sid, ...more })

/** As the agent of that node, which has been told. */
async function told(node: string): Promise<NodeQuestion> {
  const question = () => tellQuestion(api.sql, uids[node]!)
  let found: NodeQuestion | null = null
  await expect.poll(async () => (found = await question()), { interval: 20 }).not.toBeNull()
  return found!
}
const answer = (node: string, uid: string, said: object) =>
  api.as(secretOf(node), '/agent/v1')('POST', `/questions/${uid}`, said)

const questions = () => api.sql`select uid from node_question`

beforeAll(async () => {
  for (const name of ['n1', 'n2', 'bare']) {
    const drivers = name === 'bare' ? ['process'] : ['vm']
    uids[name] = await addNode(api, name, { drivers })
    await api.sql`
      update node set credential_hash = ${hashSecret(secretOf(name))} where uid = ${uids[name]}`
  }
})
beforeEach(async () => {
  await api.sql`delete from service`
  await api.sql`update node_status set state = 'online'`
  await api.sql`
    update lease set renewed_at = clock_timestamp(), reported_at = clock_timestamp(),
      lease_until = clock_timestamp() + interval '60 seconds'`
})

describe('a node that is asked', () => {
  test('is told once, by the name of the service if no other is given; its answer is handed on, and forgotten', async () => {
    const asking = ask('vm:web')
    const question = await told('n1')
    expect(question).toMatchObject({ kind: 'describe', sid: 'vm:web', domain: 'web' })
    expect(await tellQuestion(api.sql, uids['n1']!)).toBeNull()
    expect(await answer('n1', question.uid, described)).toMatchObject({ status: 200 })
    const { status, body } = await asking
    const { kind: _, ...said } = described
    expect({ status, body }).toEqual({
      ...{ status: 200, body: { sid: 'vm:web', node: 'n1', ...said, warnings: [] } },
    })
    expect(await questions()).toEqual([])
    expect(await api.sql`select sid from service`).toEqual([])
  })

  test('may say why not, and is warned of what its host alone has', async () => {
    const refused = ask('vm:web', { domain: 'other' })
    const first = await told('n1')
    expect(first.domain).toBe('other')
    await answer('n1', first.uid, { kind: 'refused', why: 'there is no domain other' })
    expect(await refused).toMatchObject({
      ...{
        status: 409,
        body: { code: 'cannot-be-adopted', detail: 'node n1: there is no domain other' },
      },
    })
    const warned = ask('vm:web')
    const devices = `<disk type='file'><source file='/d.img'/><target dev='vda'/></disk><hostdev mode='subsystem'/>`
    const xml = xmlOf('web', uuid, devices)
    await answer('n1', (await told('n1')).uid, { ...described, xml })
    expect((await warned).body.warnings).toEqual([
      'it has devices of its host (hostdev): other nodes need the same, and it cannot move live',
      'every node that may run it must reach the same /d.img',
    ])
  })

  test('is the only one whose answer counts, and only the first of them, in words that are known', async () => {
    const asking = ask('vm:web')
    const { uid } = await told('n1')
    expect((await answer('n2', uid, { ...described, name: 'theirs' })).status).toBe(200)
    expect((await answer('n1', uid, { kind: 'nonsense' })).status).toBe(422)
    expect(
      (await api.as('hfn_nobody_xxxxxxxxxxx', '/agent/v1')('POST', `/questions/${uid}`, {})).status,
    ).toBe(401)
    await answer('n1', uid, described)
    await answer('n1', uid, { ...described, name: 'late' })
    expect((await asking).body.name).toBe('web')
    expect((await answer('n1', uid, described)).status).toBe(200)
    expect(await questions()).toEqual([])
  })

  test('and does not answer costs a bounded time, and whoever asked is told what it was waiting for', async () => {
    const [silent, older] = [ask('vm:web', {}, 'n1'), ask('vm:web', {}, 'n2')]
    await told('n2')
    expect(await silent).toMatchObject({
      ...{ status: 504, body: { code: 'no-answer' } },
      text: expect.stringContaining('has not asked for anything'),
    })
    expect(await older).toMatchObject({
      ...{ status: 504, body: { code: 'no-answer' } },
      text: expect.stringContaining('of a version that cannot describe anything'),
    })
    expect(await questions()).toEqual([])
  }, 30_000)

  test('leaves no secrets behind where the replica that asked has died', async () => {
    const left = crypto.randomUUID()
    await api.sql`
      insert into node_question (uid, cluster_id, node_uid, question, asked_at, answer)
      values (${left}, ${api.clusterId}, ${uids['n2']!}, '{}', clock_timestamp() - interval '2 minutes', '{}')`
    const asking = ask('vm:web')
    const { uid } = await told('n1')
    expect(await questions()).toEqual([{ uid }])
    await answer('n1', uid, { kind: 'refused', why: 'no' })
    await asking
  })

  test('is asked a few things at once, and no more', async () => {
    const asking = Array.from({ length: 4 }, (_, at) => ask(`vm:web${at}`))
    await expect.poll(async () => (await questions()).length, { interval: 20 }).toBe(4)
    expect(await ask('vm:web')).toMatchObject({ status: 503, body: { code: 'busy' } })
    for (const _ of asking)
      await answer('n1', (await told('n1')).uid, { kind: 'refused', why: 'no' })
    for (const one of asking) expect((await one).status).toBe(409)
  })
})

describe('asking is refused at once', () => {
  test.each([
    ['by who may not add services', 403, 'forbidden', 'vm:web', 'n1', 'viewer'],
    ['of no node', 404, 'unknown-node', 'vm:web', 'n9', null],
    ['of a node without the driver', 409, 'node-not-usable', 'vm:web', 'bare', null],
    ['for what has no description', 422, 'invalid', 'systemd:web', 'n1', null],
    ['for what no host can tell', 422, 'invalid', 'process:web', 'n1', null],
    ['for a name that is none', 422, 'invalid', 'vm:', 'n1', null],
  ] as const)('%s', async (_, status, code, sid, node, role) => {
    const as = role === null ? api.ask : api.as(await api.token(role, null))
    const refused = await as('POST', `/nodes/${node}/describe`, { sid })
    expect(refused).toMatchObject({ status, body: { code } })
    expect(await questions()).toEqual([])
  })

  test('of a node that is not online, or cannot protect anything, and for a service that is there', async () => {
    await api.sql`update node_status set state = 'unknown' where node_uid = ${uids['n1']!}`
    expect(await ask('vm:web')).toMatchObject({ status: 409, body: { code: 'node-not-online' } })
    const none = JSON.stringify({ class: 'none', identity: 'none', effectiveMs: 0 })
    await api.sql`update node set watchdog = ${none}::text::jsonb where uid = ${uids['n2']!}`
    expect(await ask('vm:web', {}, 'n2')).toMatchObject({
      ...{ status: 409, body: { code: 'node-not-usable' } },
    })
    const spec = { xml: xmlOf('web') }
    expect((await api.ask('POST', '/services', { sid: 'vm:web', spec })).status).toBe(201)
    expect(await ask('vm:web')).toMatchObject({ status: 409, body: { code: 'already-exists' } })
  })
})

describe('a service that is taken over', () => {
  test('says from which node, which must be one', async () => {
    const wish = { sid: 'vm:web', spec: { xml: xmlOf('web') } }
    expect(await api.ask('POST', '/services', { ...wish, adoptedFrom: 'n9' })).toMatchObject({
      ...{ status: 404, body: { errors: [{ field: 'adoptedFrom', message: 'no node n9' }] } },
    })
    const made = await api.ask('POST', '/services', { ...wish, adoptedFrom: 'n1' })
    expect(made).toMatchObject({ status: 201, body: { adoptedFrom: 'n1' } })
    await api.ask('PATCH', '/services/vm:web', { comment: 'x' })
    expect((await api.ask('GET', '/services/vm:web')).body).toMatchObject({ adoptedFrom: 'n1' })
  })

  test('is no machine that another service is, by uuid or by name, when it is added, changed or described', async () => {
    const add = (sid: string, xml: string) => api.ask('POST', '/services', { sid, spec: { xml } })
    const other = crypto.randomUUID()
    expect((await add('vm:web', xmlOf('web'))).status).toBe(201)
    expect((await add('vm:db', xmlOf('db', other))).status).toBe(201)
    const twin = { status: 409, body: { code: 'already-exists' } }
    expect(await add('vm:twin', xmlOf('other', uuid.toUpperCase()))).toMatchObject(twin)
    expect(await add('vm:twin', xmlOf('web', crypto.randomUUID()))).toMatchObject(twin)
    expect((await add('vm:near', xmlOf('web.1', crypto.randomUUID()))).status).toBe(201)
    const change = { spec: { xml: xmlOf('web') } }
    expect(await api.ask('PATCH', '/services/vm:db', change)).toMatchObject(twin)
    expect((await api.ask('PATCH', '/services/vm:web', change)).status).toBe(200)
    const asking = ask('vm:again', { domain: 'web' }, 'n1')
    await answer('n1', (await told('n1')).uid, described)
    expect(await asking).toMatchObject({ ...twin, text: expect.stringContaining('service vm:web') })
  })
})
