// The decision journal on the command line, with and without a plane: lists, replays, and exit codes for machines.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { packAtOnce } from '../../control-plane/store/journal/round-text.ts'
import { insertRound } from '../../control-plane/store/journal/stored-rounds.ts'
import { testDatabase } from '../database.ts'
import { aNode, aService, buildView, silentNode } from '../decide/build-view.ts'
import { makeCluster, servePlane, type TestPlane } from './plane.ts'
import { runAdmin, runHaManager } from './run.ts'

const database = testDatabase()
let plane: TestPlane
let env: Record<string, string>

beforeAll(async () => {
  plane = await servePlane(database.sql)
  const { id, token } = await makeCluster(database.sql, 'lab')
  env = {
    HOLDFAST_URL: plane.url,
    HOLDFAST_TOKEN: token,
    HOLDFAST_CLUSTER: 'lab',
    DATABASE_URL: database.url,
  }
  const nodes = [aNode('n1'), silentNode('n2')]
  const view = buildView({ nodes, services: [aService('process:web', 'n2')] })
  const plan = decide(view)
  const other = { ...plan, changes: plan.changes.slice(0, -1) }
  for (const [round, decided] of [
    [7, plan],
    [8, other],
  ] as const) {
    const row = { ...view, cluster: { ...view.cluster, id }, round }
    const packed = { view: packAtOnce(view), plan: packAtOnce(decided), base: null }
    await insertRound(database.sql, row, packed)
  }
})
afterAll(() => plane.close())

const tools = [
  ['ha-manager', (...words: string[]) => runHaManager(words, env)],
  ['admin', (...words: string[]) => runAdmin(words, env)],
] as const

describe.each(tools)('%s', (_, tool) => {
  test('rounds lists what is stored', async () => {
    const { code, out } = await tool('rounds')
    expect(code).toBe(0)
    expect(out).toMatch(/ROUND +AT +CHANGES +BYTES.*\n +8 .*\n +7 /)
    expect(JSON.parse((await tool('rounds', '--limit', '1', '--json')).out).rounds).toHaveLength(1)
  })

  test('replay ends well where the plan is the same, and with exit code 1 and its lines where not', async () => {
    const same = await tool('replay', '7')
    expect([same.code, same.out]).toEqual([
      0,
      expect.stringMatching(/^round 7: the same, \d+ changes/),
    ])
    const other = await tool('replay', '8')
    expect(other.code).toBe(1)
    expect(other.out).toMatch(/^round 8: different[^\n]*\n\+ process:web: grant \d+ opened on n1/)
    expect(other.err).toContain('round 8 is decided differently now')
  })

  test('export-scenario prints a stored round, or the cluster as it is, under other names', async () => {
    const { code, out } = await tool('export-scenario', '7')
    expect(code).toBe(0)
    expect(out).toMatch(/^nodes n1 n2$/m)
    expect(out).toMatch(/^service process:1 started on n2$/m)
    expect(out).not.toContain('process:web')
    expect((await tool('export-scenario')).out).toContain('# Nothing is decided on that.')
    expect((await tool('export-scenario', '9')).code).toBe(1)
  })

  test('an unknown round is refused, and what is no number is wrong usage', async () => {
    const unknown = await tool('replay', '9', '--json')
    expect([unknown.code, JSON.parse(unknown.err).error.code]).toEqual([1, 'unknown-round'])
    expect((await tool('replay', 'last')).code).toBe(2)
  })
})
