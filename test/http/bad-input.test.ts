// Bad input gets a clear error with a machine-readable code, and nothing is changed.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, service, testApi, wishes } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  await addNode(api, 'n1')
  await addNode(api, 'n2')
  await api.ask('POST', '/services', service('web'))
})

describe('bad input changes nothing and says what is wrong', () => {
  const long = 'x'.repeat(1024 * 1024)
  const cases: [string, string, string, unknown, number, string][] = [
    ['unknown field', 'POST', '/services', service('a', { colour: 1 }), 422, 'invalid'],
    ['wrong type', 'POST', '/services', service('a', { maxRestart: 'two' }), 422, 'invalid'],
    ['no body', 'POST', '/services', undefined, 422, 'invalid'],
    ['not JSON', 'POST', '/services', '{"sid":', 400, 'malformed-json'],
    ['a name with a space', 'POST', '/services', service('a b'), 422, 'invalid'],
    ['a name with a separator', 'POST', '/services', service('../etc'), 422, 'invalid'],
    ['no program', 'POST', '/services', service('a', { spec: { command: [] } }), 422, 'invalid'],
    ['a duplicate', 'POST', '/services', service('web'), 409, 'already-exists'],
    [
      'an unknown group',
      'POST',
      '/services',
      service('a', { group: 'none' }),
      404,
      'unknown-group',
    ],
    [
      'a machine without its XML',
      'POST',
      '/services',
      { ...service('a'), sid: 'vm:100', spec: {} },
      422,
      'invalid',
    ],
    [
      'a machine whose XML is none',
      'POST',
      '/services',
      { ...service('a'), sid: 'vm:100', spec: { xml: '<domain><name>a</name></dom>' } },
      422,
      'invalid',
    ],
    [
      'a spec of another type',
      'POST',
      '/services',
      { ...service('a'), sid: 'ct:100' },
      422,
      'invalid',
    ],
    [
      'a spec not its own',
      'PATCH',
      '/services/process:web',
      { spec: { image: 'x' } },
      422,
      'invalid',
    ],
    [
      'figures that cannot be',
      'PATCH',
      '/services/process:web',
      { figures: { cpus: -1, memoryBytes: 1 } },
      422,
      'invalid',
    ],
    ['a zero byte', 'POST', '/services', service('a', { comment: 'x\0' }), 422, 'invalid'],
    [
      'half a character',
      'POST',
      '/services',
      service('a', { spec: { command: ['\ud800'] } }),
      422,
      'invalid',
    ],
    ['a zero byte in an address', 'GET', '/groups/a%00b', undefined, 422, 'invalid'],
    [
      'a word of JavaScript',
      'POST',
      '/groups',
      { name: 'toString', nodes: { n1: 1 } },
      422,
      'invalid',
    ],
    [
      'a group of that name',
      'POST',
      '/services',
      service('a', { group: 'valueOf' }),
      422,
      'invalid',
    ],
    ['a node of that name', 'DELETE', '/nodes/constructor', undefined, 422, 'invalid'],
    ['a story of that name', 'GET', '/why/constructor', undefined, 404, 'unknown-subject'],
    ['too large', 'POST', '/services', service('a', { comment: long }), 413, 'body-too-large'],
    [
      'an unknown service',
      'PATCH',
      '/services/process:no',
      { comment: '' },
      404,
      'unknown-service',
    ],
    [
      'start of the unknown',
      'POST',
      '/services/process:no/start',
      undefined,
      404,
      'unknown-service',
    ],
    [
      'a move to nowhere',
      'POST',
      '/services/process:web/migrate',
      { node: 'n9' },
      404,
      'unknown-node',
    ],
    ['a move without target', 'POST', '/services/process:web/migrate', undefined, 422, 'invalid'],
    ['a stop too long', 'POST', '/services/process:web/stop', { timeoutMs: 1e12 }, 422, 'invalid'],
    ['a wait too long', 'POST', '/services/process:web/start?wait=61', undefined, 422, 'invalid'],
    ['a bad sid', 'GET', '/services/nonsense', undefined, 422, 'invalid'],
    [
      'a bad time',
      'POST',
      '/services/process:web/relocate',
      { node: 'n2', at: 'noon' },
      422,
      'invalid',
    ],
    [
      'a time that is over',
      'POST',
      '/services/process:web/relocate',
      { node: 'n2', at: '2001-01-01T00:00:00Z' },
      422,
      'in-the-past',
    ],
    ['no such address', 'GET', '/nonsense', undefined, 404, 'not-found'],
    ['no such method', 'PUT', '/services', {}, 405, 'method-not-allowed'],
  ]
  test.each(cases)('%s', async (_, method, path, body, status, code) => {
    const before = await wishes(api)
    const answer = await api.ask(method, path, body)
    expect([answer.status, answer.body?.code]).toEqual([status, code])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await wishes(api)).toBe(before)
  })

  test('every field that is wrong is named', async () => {
    const answer = await api.ask('POST', '/services', {
      ...service('a', { maxRestart: -1, colour: 1 }),
      spec: { command: ['x'], directory: 'relative' },
    })
    const fields = answer.body.errors.map((error: { field: string }) => error.field).sort()
    expect(fields).toEqual(['colour', 'maxRestart', 'spec.directory'])
  })

  test('what is missing is told with what would be right', async () => {
    const machine = { ...service('a'), sid: 'vm:100', spec: {} }
    const { body } = await api.ask('POST', '/services', machine)
    expect(body?.errors).toEqual([
      { field: 'spec.xml', message: expect.stringMatching(/XML of the domain.*--xml FILE/) },
    ])
  })

  test('a template of units is no unit: by its name, by its specification, and in a change of either', async () => {
    const unit = (sid: string, spec: object) =>
      api.ask('POST', '/services', { ...service('a'), sid, requested: 'stopped', spec })
    const fault = (template: string) => [
      {
        field: 'spec.unit',
        message: `unit must be an instance of ${template}@.service, as ${template}@NAME.service: of a template itself nothing can run`,
      },
    ]
    for (const answer of [
      await unit('systemd:web@', {}),
      await unit('systemd:web', { unit: 'web@.service' }),
    ])
      expect(answer).toMatchObject({ status: 422, body: { errors: fault('web') } })
    // Named so, and told of an instance, it is one.
    expect((await unit('systemd:web@', { unit: 'web@1.service' })).status).toBe(201)
    const changed = (spec: object) => api.ask('PATCH', '/services/systemd:web@', { spec })
    for (const spec of [{}, { unit: 'web@.service' }])
      expect(await changed(spec)).toMatchObject({ status: 422, body: { errors: fault('web') } })
    expect((await api.ask('DELETE', '/services/systemd:web@')).status).toBeLessThan(300)
  })

  test('another content type is refused', async () => {
    const headers = { 'content-type': 'text/plain' }
    const answer = await api.ask('POST', '/services', service('a'), headers)
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } })
  })
})
