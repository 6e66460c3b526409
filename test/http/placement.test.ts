// Guarantees about what is told of placement: every node with its verdict, and the N−1 table in every status.
import { beforeAll, describe, expect, test } from 'vitest'
import { NMinusOne } from '../../shared/n-minus-one.ts'
import { PlacementBody } from '../../shared/placement.ts'
import { makeRunning } from '../cli/plane.ts'
import { addNode, testApi } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  const n1 = await addNode(api, 'n1')
  await addNode(api, 'n2')
  await addNode(api, 'n3', { drivers: ['vm'] })
  await makeRunning(api.sql, api.clusterId, 'process:web', n1)
  await makeRunning(api.sql, api.clusterId, 'process:db', n1)
  await api.ask('POST', '/groups', { name: 'only-n1', nodes: { n1: 1 }, restricted: true })
  await api.ask('PATCH', '/services/process:db', { group: 'only-n1' })
})

describe('a placement', () => {
  test('is explained node by node, for the way in which it is asked', async () => {
    const { status, body } = await api.ask('GET', '/services/process:web/placement')
    expect(status).toBe(200)
    const { nodes, ...told } = PlacementBody.parse(body)
    expect(told).toEqual({
      sid: 'process:web',
      preference: 'stay',
      current: 'n1',
      chosen: 'n1',
      why: 'it is there already',
    })
    expect(nodes).toMatchObject([
      { node: 'n1', ruledOut: null, score: 2 },
      { node: 'n2', ruledOut: null, score: 0 },
      { node: 'n3', ruledOut: { code: 'driver', text: 'it has no driver for process' } },
    ])
    const best = await api.ask('GET', '/services/process:web/placement?preference=best-score')
    expect(best.body).toMatchObject({ chosen: 'n2', why: 'least loaded, 0 services' })
  })

  test('names the rule that forbids a node', async () => {
    const { body } = await api.ask('GET', '/services/process:db/placement')
    expect(body.nodes[1]).toMatchObject({
      node: 'n2',
      ruledOut: { code: 'node-affinity', text: 'not in group only-n1' },
    })
  })

  test('of an unknown service is a 404, asked in an unknown way a 422', async () => {
    expect((await api.ask('GET', '/services/process:none/placement')).status).toBe(404)
    const { status, body } = await api.ask('GET', '/services/process:web/placement?preference=any')
    expect([status, body.errors[0].field]).toEqual([422, 'preference'])
  })
})

describe('the N−1 table', () => {
  test('is part of every status, and anew within a second of a change', async () => {
    const table = async () => NMinusOne.parse((await api.ask('GET', '/status')).body.nMinusOne)
    const stranded = { node: 'n1', services: ['process:db'] }
    expect(await table()).toMatchObject({ services: 2, unprotected: [stranded] })
    await api.ask('PATCH', '/services/process:db', { group: null })
    await expect.poll(table, { timeout: 5_000 }).toEqual({ services: 2, unprotected: [] })
  })

  test('is on the status page', async () => {
    await api.ask('PATCH', '/services/process:db', { group: 'only-n1' })
    const form = new URLSearchParams({ token: await api.token('viewer', api.clusterId) })
    const signIn = await api.app.request('/sign-in', {
      method: 'POST',
      body: form,
      headers: { origin: 'http://localhost', host: 'localhost' },
    })
    const cookie = signIn.headers.get('set-cookie')!.split(';')[0]!
    const page = async () => (await api.app.request('/', { headers: { cookie } })).text()
    await expect.poll(page, { timeout: 5_000 }).toContain('1: process:db')
    expect(await page()).toContain('<h2>If one node died</h2>')
  })
})

describe('names that JavaScript keeps', () => {
  test('are unknown names like others', async () => {
    const { status, body } = await api.ask('POST', '/what-if', { down: ['constructor'] })
    expect([status, body.errors[0].field]).toEqual([422, 'down.0'])
    const grouped = { services: [{ sid: 'process:x', group: 'constructor' }] }
    expect((await api.ask('POST', '/what-if', grouped)).status).toBe(422)
  })
})
