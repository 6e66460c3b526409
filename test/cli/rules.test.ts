// The tool against a real plane: rules in the words of the reference, what is said about them, and their completion.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabase } from '../database.ts'
import { makeCluster, makeNode, servePlane, type TestPlane } from './plane.ts'
import { runHaManager } from './run.ts'

const database = testDatabase()
let plane: TestPlane
let clusterId: number
let env: Record<string, string>
const cli = (line: string) => runHaManager(line.split(' '), env)
const json = async (line: string) => JSON.parse((await cli(`${line} --json`)).out)

beforeAll(async () => {
  plane = await servePlane(database.sql)
  const made = await makeCluster(database.sql, 'lab')
  clusterId = made.id
  env = { HOLDFAST_URL: plane.url, HOLDFAST_TOKEN: made.token, HOLDFAST_CLUSTER: 'lab' }
  for (const node of ['n1', 'n2']) await makeNode(database.sql, clusterId, node)
  await database.sql`
    insert into service (cluster_id, sid, requested, spec)
    select ${clusterId}, 'process:' || name, 'stopped', '{"command":["true"]}'
    from unnest(array['a', 'b', 'c']) as name`
})
afterAll(async () => {
  await plane.close()
})

describe('rules', () => {
  test('are added, listed, changed, switched and removed', async () => {
    expect(
      await cli('rules add node-affinity near --resources process:a --nodes n1:2,n2 --strict 1'),
    ).toEqual({ code: 0, out: 'rule near added\n', err: '' })
    await cli(
      'rules add resource-affinity apart --resources process:b,process:c --affinity negative',
    )
    expect((await cli('rules list')).out).toMatch(
      /1 +near +node-affinity +in use +process:a +n1:2,n2 +yes +1$/m,
    )
    expect((await cli('rules config --resource process:c')).out).toMatch(
      /^ENABLED +STATE +RULE +TYPE +RESOURCES\n +1 +in use +apart +resource-affinity +process:b,process:c$/m,
    )
    expect(
      (await cli('rules set node-affinity near --delete strict --nodes n1,n2 --comment cosy')).code,
    ).toBe(0)
    expect(await json('rules list --type node-affinity')).toMatchObject([
      { id: 'near', strict: false, nodes: { n1: 0, n2: 0 }, comment: 'cosy', version: 2 },
    ])
    expect((await cli('rules disable near')).out).toBe('rule near disabled\n')
    expect((await cli('rules config')).out).toMatch(/^ +0 +disabled +near/m)
    expect((await cli('rules enable near')).code).toBe(0)
    expect((await cli('rules add-resource near process:b')).out).toBe('process:b is in rule near\n')
    expect((await cli('rules remove-resource near process:a')).out).toBe(
      'process:a is out of rule near\n',
    )
    expect((await json('rules list'))[0].resources).toEqual(['process:b'])
    expect((await cli('rules remove near --dry-run')).out).toContain('Nothing was changed')
    expect((await cli('rules remove near')).out).toBe('rule near removed\n')
  })

  test('a wrong command line says what would be right, before anybody is asked', async () => {
    for (const [line, sentence] of [
      ['rules add node-affinity r1 --resources process:a', 'needs --nodes'],
      ['rules add resource-affinity r1', 'needs --resources and --affinity'],
      ['rules add group r1 --resources process:a', 'node-affinity, resource-affinity'],
      ['rules set node-affinity apart --comment x', 'apart is a resource-affinity rule'],
      ['rules set resource-affinity apart', 'nothing to change'],
      ['rules set resource-affinity apart --disable --delete disable', 'set and deleted at once'],
    ] as const) {
      const ran = await cli(line)
      expect([line, ran.code, ran.err]).toEqual([line, 2, expect.stringContaining(sentence)])
    }
  })

  test('a rule that could not be kept is refused with the rules that it conflicts with', async () => {
    const line =
      'rules add resource-affinity both --resources process:b,process:c --affinity positive'
    const ran = await cli(line)
    expect(ran.code).toBe(1)
    // Each rule has a line of its own: what is wrong with it, and what would be right.
    expect(ran.err.split('\n')).toEqual([
      'ha-manager: rules could then not be kept: rule apart, rule both',
      expect.stringMatching(
        /^ {2}rules\.apart: .*\(process:b, process:c\): leave .*; see rule both$/,
      ),
      expect.stringMatching(
        /^ {2}rules\.both: .*\(process:b, process:c\): leave .*; see rule apart$/,
      ),
      '',
    ])
    const told = JSON.parse((await cli(`${line} --json`)).err).error
    expect(told).toMatchObject({ code: 'infeasible-rules' })
    expect(told.fields.map((one: { field: string }) => one.field)).toContain('rules.apart')
  })

  test('that are ignored because of conflicts say so, and why', async () => {
    await database.sql`
      insert into rule (cluster_id, id, position, type, resources, affinity)
      values (${clusterId}, 'stale', 9, 'resource-affinity', '["process:b","process:c"]', 'positive')`
    const { out } = await cli('rules config')
    expect(out).toMatch(/^ +1 +ignored because of conflicts +stale/m)
    expect(out).toMatch(/^stale: .*see rule apart$/m)
    // It may be mended in steps; until it is, nobody is to believe that it counts.
    for (const line of ['rules set resource-affinity stale --comment x', 'rules enable stale'])
      expect((await cli(line)).out).toMatch(/^rule stale .*\nit is ignored: .*see rule apart$/m)
    expect((await cli('rules disable stale')).out).toBe('rule stale disabled\n')
    await cli('rules remove stale')
  })

  test('lose a removed service, unless it is to stay', async () => {
    expect((await cli('remove process:c --dry-run')).out).toMatch(
      /^Nothing was changed.*\n {2}rule apart is disabled: one service is left in it\n$/s,
    )
    const removed = await cli('remove process:c')
    expect(removed.out).toMatch(
      /^remove process:c: accepted .*\nrule apart is disabled: one service is left in it\n$/,
    )
    await cli('remove process:b --purge no')
    expect((await json('rules list'))[0].resources).toEqual(['process:b'])
  })
})

test('names of rules and services are completed', async () => {
  expect((await cli('__complete -- rules remove a')).out).toBe('apart\n')
  expect((await cli('__complete -- rules add-resource apart process:')).out).toBe('process:a\n')
  expect((await cli('__complete -- rules add node')).out).toBe('node-affinity\n')
})
