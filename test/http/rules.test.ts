// Guarantees about rules: what is accepted can be kept together with all the others, what is refused changes nothing and
// names the rule and the field, and everybody sees which rules count and which are ignored because of conflicts.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, service, testApi, wishes } from './harness.ts'
import { apart, near, sid } from './some-rules.ts'

const api = testApi()
const names = ['a', 'b', 'c', 'd'] as const

beforeAll(async () => {
  for (const node of ['n1', 'n2', 'n3']) await addNode(api, node)
  for (const name of names) await api.ask('POST', '/services', service(name))
})

type Case = [
  what: string,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
]

async function expectRefused(cases: Case[]): Promise<void> {
  const before = await wishes(api)
  for (const [what, method, path, body, status, code] of cases) {
    const answer = await api.ask(method, path, body)
    expect([what, answer.status, answer.body?.code]).toEqual([what, status, code])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  }
  expect(await wishes(api)).toBe(before)
}

describe('a rule', () => {
  test('lives from add to delete, in the order of adding', async () => {
    const made = await api.ask('POST', '/rules', near('first'))
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: 'first',
        order: 1,
        strict: false,
        disabled: false,
        comment: '',
        inUse: true,
        conflicts: [],
        version: 1,
      },
    })
    expect(made.body).not.toHaveProperty('affinity')
    expect(made.headers.get('etag')).toBe('"1"')
    const second = await api.ask('POST', '/rules', apart('second', ['b', 'c']))
    expect(second.body).toMatchObject({ order: 2, affinity: 'negative', inUse: true })
    const changed = await api.ask('PATCH', '/rules/first', { strict: true, nodes: { n3: 0 } })
    expect(changed.body).toMatchObject({ strict: true, nodes: { n3: 0 }, version: 2 })
    const all = await api.ask('GET', '/rules')
    expect(all.body.map((rule: { id: string }) => rule.id)).toEqual(['first', 'second'])
    expect((await api.ask('GET', '/rules/first')).headers.get('etag')).toBe('"2"')
    expect((await api.ask('DELETE', '/rules/first')).status).toBe(204)
    expect((await api.ask('GET', '/rules/first')).body.code).toBe('unknown-rule')
    const third = await api.ask('POST', '/rules', near('third'))
    expect(third.body.order).toBe(3)
    await api.ask('DELETE', '/rules/third')
  })

  test('is found by its type and by a service it names', async () => {
    await api.ask('POST', '/rules', near('here', { disabled: true }))
    const ids = async (query: string) =>
      (await api.ask('GET', `/rules?${query}`)).body.map((rule: { id: string }) => rule.id)
    expect(await ids('type=node-affinity')).toEqual(['here'])
    expect(await ids('resource=process:c')).toEqual(['second'])
    expect(await ids('type=node-affinity&resource=process:c')).toEqual([])
    await expectRefused([['no type', 'GET', '/rules?type=group', undefined, 422, 'invalid']])
    await api.ask('DELETE', '/rules/here')
  })

  test('changes only by who has seen its version', async () => {
    const path = '/rules/second'
    const { version } = (await api.ask('GET', path)).body
    const old = { 'if-match': `"${version + 1}"` }
    const before = await wishes(api)
    for (const [method, at, body] of [
      ['PATCH', path, { comment: 'x' }],
      ['PUT', `${path}/resources/process:d`, undefined],
      ['POST', `${path}/disable`, undefined],
      ['DELETE', path, undefined],
    ] as const)
      expect((await api.ask(method, at, body, old)).body.code).toBe('version-conflict')
    expect(await wishes(api)).toBe(before)
    const seen = { 'if-match': `"${version}"` }
    expect((await api.ask('PATCH', path, { comment: 'x' }, seen)).body.comment).toBe('x')
  })

  test('is written by operators, and the audit log says by whom', async () => {
    const viewer = api.as(await api.token('viewer', api.clusterId))
    expect((await viewer('POST', '/rules', near('mine'))).status).toBe(403)
    expect((await viewer('GET', '/rules')).status).toBe(200)
    await api.ask('PUT', '/rules/second/resources/process:d')
    const [row] = await api.sql`select * from audit_log order by id desc limit 1`
    expect(row).toMatchObject({
      method: 'PUT',
      status: 200,
      detail: { rule: 'second', sid: 'process:d' },
    })
    await api.ask('DELETE', '/rules/second/resources/process:d')
  })
})

describe('what is wrong is refused, and changes nothing', () => {
  test('a wrong name of a node or a variable is told what it must be like', async () => {
    const { body } = await api.ask('POST', '/rules', near('r1', { nodes: { PVE1: 0 } }))
    expect(body.errors).toEqual([
      { field: 'nodes.PVE1', message: expect.stringContaining('must be lower-case letters') },
    ])
    const spec = { command: ['true'], environment: { '1A': 'x' } }
    const wish = { sid: sid('odd'), spec }
    expect((await api.ask('POST', '/services', wish)).body.errors).toEqual([
      { field: 'spec.environment.1A', message: expect.stringContaining('not begin with a digit') },
    ])
  })

  test('what is no object is told so, and not that its type is wrong', async () => {
    const { body } = await api.ask('POST', '/rules', [near('r1')])
    expect(body.errors).toEqual([
      { field: '', message: 'Invalid input: expected object, received array' },
    ])
  })

  test.each([
    ['an unknown type', near('r1', { type: 'group' }), 'type'],
    ['no type', { id: 'r1', resources: [sid('a')] }, 'type'],
    ['no nodes', { ...near('r1'), nodes: undefined }, 'nodes'],
    ['nodes of nobody', near('r1', { nodes: {} }), 'nodes'],
    ['a service twice', near('r1', { resources: [sid('a'), sid('a')] }), 'resources'],
    ['a priority too high', near('r1', { nodes: { n1: 5000 } }), 'nodes.n1'],
    ['a field of the other type', near('r1', { affinity: 'positive' }), 'affinity'],
    ['neither together nor apart', apart('r1', ['a', 'b'], 'near'), 'affinity'],
    ['an id with a blank', near('r 1'), 'id'],
    ['an id of groups', near('ha-group-x'), 'id'],
  ])('%s, with the field', async (_, body, field) => {
    const before = await wishes(api)
    const answer = await api.ask('POST', '/rules', body)
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } })
    expect(answer.body.errors.map((error: { field: string }) => error.field)).toEqual([field])
    expect(await wishes(api)).toBe(before)
  })

  test('names that are not there, and rules that are', async () => {
    await expectRefused([
      ['service', 'POST', '/rules', apart('r1', ['a', 'nobody']), 404, 'unknown-service'],
      ['node', 'POST', '/rules', near('r1', { nodes: { n9: 1 } }), 404, 'unknown-node'],
      ['taken', 'POST', '/rules', near('second'), 409, 'already-exists'],
      ['rule', 'PATCH', '/rules/nothing', { comment: '' }, 404, 'unknown-rule'],
      ['rule', 'DELETE', '/rules/nothing', undefined, 404, 'unknown-rule'],
      ['rule', 'POST', '/rules/nothing/enable', undefined, 404, 'unknown-rule'],
      ['rule', 'PUT', '/rules/nothing/resources/process:a', undefined, 404, 'unknown-rule'],
      ['service', 'PUT', '/rules/second/resources/process:x', undefined, 404, 'unknown-service'],
      ['member', 'DELETE', '/rules/second/resources/process:a', undefined, 404, 'unknown-member'],
      ['no sid', 'PUT', '/rules/second/resources/a', undefined, 422, 'invalid'],
      ['other type', 'PATCH', '/rules/second', { nodes: { n1: 1 } }, 422, 'invalid'],
      ['new type', 'PATCH', '/rules/second', { type: 'node-affinity' }, 422, 'invalid'],
    ])
    const answer = await api.ask('POST', '/rules', apart('r1', ['a', 'nobody']))
    expect(answer.body.errors).toEqual([
      { field: 'resources', message: 'no service process:nobody' },
    ])
  })

  test('what could not be kept with the others names them (D14)', async () => {
    const together = apart('together', ['b', 'c'], 'positive')
    await expectRefused([
      ['both', 'POST', '/rules', together, 409, 'infeasible-rules'],
      ['one', 'POST', '/rules', apart('alone', ['a']), 409, 'infeasible-rules'],
      ['four', 'POST', '/rules', apart('four', [...names]), 409, 'infeasible-rules'],
      ['last', 'DELETE', '/rules/second/resources/process:b', undefined, 409, 'infeasible-rules'],
    ])
    const answer = await api.ask('POST', '/rules', together)
    expect(answer.body.errors.map((error: { field: string }) => error.field).sort()).toEqual([
      'rules.second',
      'rules.together',
    ])
    // A disabled rule may say anything; the switch is where it is judged.
    expect((await api.ask('POST', '/rules', { ...together, disabled: true })).status).toBe(201)
    await expectRefused([
      ['on', 'POST', '/rules/together/enable', undefined, 409, 'infeasible-rules'],
      ['on', 'PATCH', '/rules/together', { disabled: false }, 409, 'infeasible-rules'],
    ])
    expect((await api.ask('POST', '/rules/second/disable')).body.inUse).toBe(false)
    expect((await api.ask('POST', '/rules/together/enable')).body.inUse).toBe(true)
    await api.ask('DELETE', '/rules/together')
    await api.ask('POST', '/rules/second/enable')
  })
})

describe('members', () => {
  test('come and go one by one; doing it twice changes nothing', async () => {
    const path = '/rules/second/resources/process:d'
    const { version } = (await api.ask('GET', '/rules/second')).body
    const added = await api.ask('PUT', path)
    expect(added.body).toMatchObject({
      resources: [sid('b'), sid('c'), sid('d')],
      version: version + 1,
    })
    expect((await api.ask('PUT', path)).body).toEqual(added.body)
    expect((await api.ask('POST', '/rules/second/enable')).body).toEqual(added.body)
    const removed = await api.ask('DELETE', path)
    expect(removed.body).toMatchObject({ resources: [sid('b'), sid('c')], version: version + 2 })
  })

  test('a dry run says what the rule would be and changes nothing', async () => {
    const before = await wishes(api)
    const dry = await api.ask('PUT', '/rules/second/resources/process:d?dryRun=true')
    expect(dry.body).toMatchObject({
      dryRun: true,
      would: { status: 200, body: { resources: [sid('b'), sid('c'), sid('d')] } },
    })
    expect((await api.ask('POST', '/rules?dryRun=true', near('dry'))).status).toBe(200)
    expect((await api.ask('DELETE', '/rules/second?dryRun=true')).status).toBe(200)
    expect(await wishes(api)).toBe(before)
  })

  test('the last one is not taken out', async () => {
    await api.ask('POST', '/rules', near('single'))
    await expectRefused([
      ['last', 'DELETE', '/rules/single/resources/process:a', undefined, 409, 'last-member'],
    ])
    await api.ask('DELETE', '/rules/single')
  })
})
