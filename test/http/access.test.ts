// Guarantees about who may do what: roles, cluster scope, expiry and revocation hold at every address, and every write
// leaves a row with its actor.
import { beforeAll, describe, expect, test } from 'vitest'
import { createCluster, profileSettings } from '../../control-plane/store/bootstrap.ts'
import { addNode, service, testApi, wishes } from './harness.ts'

const api = testApi()
let otherId = 0

beforeAll(async () => {
  const settings = profileSettings('default')
  const made = await createCluster(api.sql, { name: 'other', development: false, settings })
  otherId = made.id
  await addNode(api, 'n1')
})

describe('without a valid token nothing is answered', () => {
  test.each([
    ['none', null],
    ['an unknown one', `hfo_${'x'.repeat(32)}`],
    ['nonsense', "' or true --"],
  ])('%s', async (_, secret) => {
    const before = await wishes(api)
    for (const [method, path, body] of [
      ['GET', '/status', undefined],
      ['POST', '/services', service('x')],
      ['GET', '/nonsense', undefined],
    ] as const) {
      const answer = await api.as(secret)(method, path, body)
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
      expect(answer.headers.get('www-authenticate')).toContain('Bearer realm="holdfast"')
    }
    expect(await wishes(api)).toBe(before)
  })

  test('an expired token is none', async () => {
    const secret = await api.token('admin', null, 3600)
    expect((await api.as(secret)('GET', '/status')).status).toBe(200)
    await api.sql`
      update token set expires_at = clock_timestamp() - interval '1 second'
      where expires_at is not null`
    expect((await api.as(secret)('GET', '/status')).status).toBe(401)
  })

  test('a revoked token is none, at once', async () => {
    const made = await api.ask('POST', '/tokens', { name: 'temp', role: 'viewer', cluster: 'lab' })
    expect(made.status).toBe(201)
    const { id, secret } = made.body
    expect((await api.as(secret)('GET', '/status')).status).toBe(200)
    expect((await api.ask('DELETE', `/tokens/${id}`)).status).toBe(204)
    expect((await api.as(secret)('GET', '/status')).status).toBe(401)
  })
})

describe('a token reaches as far as its role and its cluster', () => {
  test('a viewer reads and writes nothing', async () => {
    const viewer = api.as(await api.token('viewer', api.clusterId))
    const before = await wishes(api)
    for (const path of ['/status', '/nodes', '/services', '/groups', '/commands', '/events'])
      expect((await viewer('GET', path)).status).toBe(200)
    for (const [method, path, body] of [
      ['POST', '/services', service('x')],
      ['POST', '/groups', { name: 'gg', nodes: { n1: 1 } }],
      ['POST', '/nodes/n1/maintenance', { enabled: true }],
      ['POST', '/disarm', { mode: 'freeze' }],
      ['POST', '/arm', undefined],
      ['POST', '/nodes/n1/fence-confirm', { typedName: 'n1' }],
      ['DELETE', '/nodes/n1', undefined],
      ['PATCH', '/settings', { maxWorkers: 2 }],
      ['POST', '/tokens', { name: 'x', role: 'admin' }],
      ['POST', '/join-tokens', {}],
      ['GET', '/tokens', undefined],
      ['GET', '/join-tokens', undefined],
      ['GET', '/audit', undefined],
    ] as const) {
      const answer = await viewer(method, path, body)
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'forbidden'])
    }
    expect(await wishes(api)).toBe(before)
  })

  test('an operator runs services and changes no settings, tokens or roster', async () => {
    const operator = api.as(await api.token('operator', api.clusterId))
    expect((await operator('POST', '/services', service('mine'))).status).toBe(201)
    for (const [method, path, body] of [
      ['PATCH', '/settings', { maxWorkers: 2 }],
      ['POST', '/tokens', { name: 'x', role: 'viewer' }],
      ['DELETE', '/nodes/n1', undefined],
      ['POST', '/nodes/n1/fence-confirm', { typedName: 'n1', force: true }],
    ] as const)
      expect([path, (await operator(method, path, body)).status]).toEqual([path, 403])
  })

  test('a token of one cluster learns nothing of another, not even whether it exists', async () => {
    const secret = await api.token('admin', api.clusterId)
    const [known, unknown] = await Promise.all(
      ['other', 'none'].map((name) => api.as(secret, `/api/v1/clusters/${name}`)('GET', '/status')),
    )
    expect(known).toMatchObject({ status: 403, body: unknown?.body })
    const { body } = await api.as(secret, '/api/v1')('GET', '/clusters')
    expect(body.map((one: { name: string }) => one.name)).toEqual(['lab'])
    const all = await api.as(secret)('POST', '/tokens', { name: 'x', role: 'viewer' })
    expect(all).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const made = await api.as(secret, '/api/v1')('POST', '/clusters', { name: 'third' })
    expect(made.status).toBe(403)
  })

  test('a token is made for the cluster it is asked under, or for all', async () => {
    const elsewhere = { name: 'x', role: 'viewer', cluster: 'other' }
    const refused = await api.ask('POST', '/tokens', elsewhere)
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: 'cluster' }] } })
    const made = await api.ask('POST', '/tokens', { name: 'everywhere', role: 'viewer' })
    const other = api.as(made.body.secret, '/api/v1/clusters/other')
    expect((await other('GET', '/status')).status).toBe(200)
  })

  test('nobody ends the token they use', async () => {
    const made = await api.ask('POST', '/tokens', { name: 'self', role: 'admin', cluster: 'lab' })
    const answer = await api.as(made.body.secret)('DELETE', `/tokens/${made.body.id}`)
    expect(answer).toMatchObject({ status: 409, body: { code: 'own-token' } })
  })
})

describe('clusters', () => {
  test('are made by admins of all, once per name', async () => {
    const site = async (body: unknown, query = '') =>
      api.as(await api.token('admin', null), '/api/v1')('POST', `/clusters${query}`, body)
    expect((await site({ name: 'new' }, '?dryRun=true')).body).toMatchObject({ dryRun: true })
    expect(await site({ name: 'new' })).toMatchObject({ status: 201, body: { name: 'new' } })
    expect(await site({ name: 'new' })).toMatchObject({ status: 409 })
    expect(await site({ name: 'A B' })).toMatchObject({ status: 422 })
  })
})

describe('the audit log', () => {
  test('has every write with its actor, refused ones too, and no secrets', async () => {
    const made = await api.ask('POST', '/join-tokens', { node: 'n9', uses: 2, ttlSeconds: 60 })
    await api.ask('POST', '/services', service('secretive', { spec: spec('s3cret') }))
    await api.ask('POST', '/services', service('secretive', { spec: spec('s3cret') }))
    await api.as(await api.token('viewer', null))('DELETE', '/services/process:secretive')
    const { body, text } = await api.ask('GET', '/audit?limit=4')
    expect(body.map((row: { status: number }) => row.status)).toEqual([403, 409, 201, 201])
    expect(body[0].actor).toContain('a viewer')
    expect(body[1].detail).toEqual({ refused: 'already-exists' })
    expect(text).not.toContain('s3cret')
    expect(text).not.toContain(made.body.secret)
    const stored = await api.sql`select * from join_token`
    expect(JSON.stringify(stored)).not.toContain(made.body.secret)
  })

  test('other clusters are not in it', async () => {
    const { body } = await api.as(await api.token('admin', otherId), '/api/v1/clusters/other')(
      'GET',
      '/audit',
    )
    expect(body).toEqual([])
  })
})

describe('join tokens', () => {
  test('are listed without secrets and can be ended', async () => {
    const made = await api.ask('POST', '/join-tokens', { uses: 3 })
    const list = await api.ask('GET', '/join-tokens')
    const row = list.body.find((one: { id: string }) => one.id === made.body.id)
    expect(row).toMatchObject({ node: null, usesLeft: 3, revokedAt: null })
    expect(list.text).not.toContain(made.body.secret)
    expect((await api.ask('DELETE', `/join-tokens/${made.body.id}`)).status).toBe(204)
    const missing = await api.ask('DELETE', `/join-tokens/${crypto.randomUUID()}`)
    expect(missing).toMatchObject({ status: 404, body: { code: 'unknown-token' } })
  })
})

function spec(secret: string) {
  return { command: ['/bin/x'], environment: { PASSWORD: secret } }
}
