// Guarantees about what-if at the door: it answers from the cluster as it is, writes nothing, and names what is wrong.
import { beforeAll, describe, expect, test } from 'vitest'
import { heavyWork } from '../../control-plane/http/heavy-work.ts'
import { systemClock } from '../../shared/clock.ts'
import { WhatIfBody } from '../../shared/what-if.ts'
import { makeRunning } from '../cli/plane.ts'
import { addNode, testApi, wishes } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  await addNode(api, 'n1')
  const n2 = await addNode(api, 'n2')
  await addNode(api, 'n3', { drivers: ['vm'] })
  await makeRunning(api.sql, api.clusterId, 'process:web', n2)
  await makeRunning(api.sql, api.clusterId, 'process:db', n2)
  await api.ask('POST', '/groups', { name: 'only-n2', nodes: { n2: 1 }, restricted: true })
  await api.ask('PATCH', '/services/process:db', { group: 'only-n2' })
})

const rows = async () => {
  const [row] = await api.sql`select round, next_generation from crm`
  return [await wishes(api), row, await api.sql`select count(*) from audit_log`]
}

describe('what-if', () => {
  test('says where services go when a node dies, what fits nowhere, and when', async () => {
    const before = await rows()
    const { status, body } = await api.ask('POST', '/what-if', { down: ['n2'] })
    expect(status).toBe(200)
    const answer = WhatIfBody.parse(body)
    expect(answer.moves).toMatchObject([{ sid: 'process:web', from: 'n2', to: 'n1' }])
    expect(answer.moves[0]!.startsInMs).toBeGreaterThan(50_000)
    expect(answer.nowhere).toMatchObject([
      { sid: 'process:db', from: 'n2', why: 'waits for a member of its restricted group only-n2' },
    ])
    expect(await rows()).toEqual(before)
  })

  test('a viewer may ask; without a token nobody learns anything', async () => {
    const viewer = api.as(await api.token('viewer', api.clusterId))
    expect((await viewer('POST', '/what-if', { maintenance: ['n2'] })).status).toBe(200)
    expect((await api.as(null)('POST', '/what-if', { down: ['n2'] })).status).toBe(401)
  })

  test('a service that is only supposed is placed too', async () => {
    const { body } = await api.ask('POST', '/what-if', { services: [{ sid: 'process:new' }] })
    expect(body.moves).toMatchObject([{ sid: 'process:new', from: null, to: 'n1' }])
    expect((await api.ask('GET', '/services/process:new')).status).toBe(404)
  })

  test.each([
    [{ down: ['n9'] }, 'down.0', 'no node n9'],
    [{ maintenance: ['n1'], back: ['n1'] }, 'back', 'cannot go into maintenance and leave it'],
    [{ services: [{ sid: 'process:x', group: 'none' }] }, 'services.0.group', 'no group none'],
    [{ services: [{ sid: 'process:x', removed: true }] }, 'services.0.sid', 'no service'],
    [{ down: 'n1' }, 'down', 'list of node names'],
    [{ up: ['n1'] }, 'up', 'no such field'],
  ])('%j is refused, and the field is named', async (supposed, field, message) => {
    const { status, body } = await api.ask('POST', '/what-if', supposed)
    expect(status).toBe(422)
    expect(body.errors[0].field).toBe(field)
    expect(body.errors[0].message).toContain(message)
  })
})

describe('heavy work', () => {
  function* steps(log: string[], name: string): Generator<undefined, string, undefined> {
    for (const step of [1, 2]) {
      log.push(`${name}${step}`)
      yield
    }
    return name
  }

  test('runs one at a time and in steps; who comes when too many wait is told to come again', async () => {
    const heavy = heavyWork(systemClock())
    const log: string[] = []
    const asked = ['a', 'b', 'c', 'd'].map((name) => heavy.run(steps(log, name)))
    await expect(heavy.run(steps(log, 'e'))).rejects.toMatchObject({
      problem: { status: 503, code: 'busy' },
      headers: { 'retry-after': '2' },
    })
    const others: string[] = []
    setImmediate(() => others.push(...log))
    expect(await Promise.all(asked)).toEqual(['a', 'b', 'c', 'd'])
    expect(log).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2', 'd1', 'd2'])
    expect(others.length, 'others had their turn in between').toBeLessThan(log.length)
    expect(await heavy.run(steps(log, 'f')), 'there is room again').toBe('f')
  })

  test('that fails frees the lane', async () => {
    const heavy = heavyWork(systemClock())
    function* broken(): Generator<undefined, never, undefined> {
      yield
      throw new Error('broken')
    }
    await expect(heavy.run(broken())).rejects.toThrow('broken')
    expect(await heavy.run(steps([], 'a'))).toBe('a')
  })
})
