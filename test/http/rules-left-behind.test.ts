// Guarantees about rules that say nothing any more, by what others wrote or removed: nothing of them is lost unseen, and each can be
// mended by itself.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, service, testApi } from './harness.ts'
import { apart, near, sid } from './some-rules.ts'

const api = testApi()

beforeAll(async () => {
  for (const node of ['n1', 'n2', 'n3']) await addNode(api, node)
  for (const name of ['a', 'b', 'c', 'd']) await api.ask('POST', '/services', service(name))
  await api.ask('POST', '/rules', apart('second', ['b', 'c']))
})

describe('what became infeasible by itself', () => {
  test('is shown as ignored, with the reason and the partners, and may be mended in steps', async () => {
    await api.sql`
      insert into rule (cluster_id, id, position, type, resources, affinity)
      values (${api.clusterId}, 'stale', 90, 'resource-affinity', '["process:b","process:c"]', 'positive')`
    const shown = (await api.ask('GET', '/rules')).body
    const found = (id: string) => shown.find((rule: { id: string }) => rule.id === id)
    expect(found('stale')).toMatchObject({
      inUse: false,
      conflicts: [{ code: 'conflicts_with_opposite_affinity', rules: ['second'] }],
    })
    expect(found('stale').conflicts[0].message).toContain('rule second')
    expect(found('second')).toMatchObject({ inUse: false, conflicts: [{ rules: ['stale'] }] })
    const { ignoredRules } = (await api.ask('GET', '/status')).body
    expect(ignoredRules.map(({ rule }: { rule: string }) => rule)).toEqual([
      'rule second',
      'rule stale',
    ])
    expect((await api.ask('PATCH', '/rules/second', { comment: 'still' })).status).toBe(200)
    expect((await api.ask('DELETE', '/rules/stale')).status).toBe(204)
    expect((await api.ask('GET', '/rules/second')).body).toMatchObject({
      inUse: true,
      conflicts: [],
    })
  })
})

describe('a removed service', () => {
  const rules = async () => (await api.ask('GET', '/rules')).body

  test('leaves the rules that name it; what is left empty goes, what says nothing is disabled', async () => {
    await api.ask('POST', '/services', service('gone'))
    const of = (id: string, rest: string[]) =>
      api.ask('POST', '/rules', near(id, { resources: ['gone', ...rest].map(sid), disabled: true }))
    await of('wide', ['a'])
    await of('only', [])
    await api.ask('POST', '/rules', apart('pair', ['gone', 'd']))
    const purged = { changed: ['wide'], disabled: ['pair'], deleted: ['only'] }
    const dry = await api.ask('DELETE', '/services/process:gone?dryRun=true')
    expect(dry.body.would.body.rules).toEqual(purged)
    expect(await rules()).toHaveLength(4)
    const answer = await api.ask('DELETE', '/services/process:gone')
    expect(answer).toMatchObject({ status: 202, body: { kind: 'remove', rules: purged } })
    expect(await rules()).toMatchObject([
      { id: 'second' },
      { id: 'wide', resources: [sid('a')], version: 2 },
      { id: 'pair', resources: [sid('d')], disabled: true, conflicts: [] },
    ])
    const [row] = await api.sql`select detail from audit_log order by id desc limit 1`
    expect(row?.detail.rules).toEqual(['wide', 'pair', 'only'])
    for (const id of ['wide', 'pair']) await api.ask('DELETE', `/rules/${id}`)
  })

  test('stays in them where that is asked for, and is in them again when it is added again', async () => {
    await api.ask('POST', '/services', service('back'))
    await api.ask('POST', '/rules', near('waits', { resources: ['back', 'd'].map(sid) }))
    await api.ask('DELETE', '/services/process:back?purge=false')
    expect((await api.ask('GET', '/rules/waits')).body).toMatchObject({
      resources: [sid('back'), sid('d')],
      version: 1,
    })
    // What a rule named already is not asked for again.
    expect((await api.ask('PATCH', '/rules/waits', { comment: 'soon' })).status).toBe(200)
    expect((await api.ask('POST', '/services', service('back'))).status).toBe(201)
  })
})
