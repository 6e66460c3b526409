// Guarantees about the decision journal at the door: it lists what is stored and says what is missing, and a replay tells
// the same from the different.
import { beforeAll, describe, expect, test } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { packAtOnce } from '../../control-plane/store/journal/round-text.ts'
import { insertRound } from '../../control-plane/store/journal/stored-rounds.ts'
import { ReplayBody, RoundBody, RoundsBody } from '../../shared/rounds.ts'
import { ScenarioBody } from '../../shared/scenario.ts'
import { aNode, aService, buildView, silentNode } from '../decide/build-view.ts'
import { testApi } from './harness.ts'

const api = testApi()
let decided = 0

beforeAll(async () => {
  const view = buildView({
    nodes: [aNode('n1'), silentNode('n2')],
    services: [aService('process:web', 'n2')],
  })
  const plan = decide(view)
  decided = plan.changes.length
  const other = { ...plan, changes: plan.changes.slice(1) }
  // The row of a round may hold any view: what counts for a replay is in it, its own round too.
  const packed = { view: packAtOnce(view), base: null }
  for (const round of [200, 201, 203]) {
    const row = { ...view, cluster: { ...view.cluster, id: api.clusterId }, round }
    await insertRound(api.sql, row, { ...packed, plan: packAtOnce(round === 201 ? other : plan) })
  }
  await api.sql`
    insert into change_log (cluster_id, round, at, kind, line, why, change)
    select ${api.clusterId}, round, clock_timestamp(), 'node.state', 'a line of ' || round, 'w', '{}'
    from unnest(array[200, 200, 201, 202, 203]) round`
})

describe('rounds', () => {
  test('are listed newest first, page by page, with the number of those missing in between', async () => {
    const all = RoundsBody.parse((await api.ask('GET', '/rounds')).body)
    expect(all.rounds).toMatchObject([
      { round: 203, changes: 1 },
      { round: 201, line: 'a line of 201' },
      { round: 200, changes: 2 },
    ])
    expect(all.missing).toBe(1)
    const page = RoundsBody.parse((await api.ask('GET', '/rounds?limit=1&before=201')).body)
    expect(page).toMatchObject({ rounds: [{ round: 200 }], missing: 0 })
  })

  test('are shown whole to operators only: they hold the specs of services', async () => {
    const viewer = api.as(await api.token('viewer', api.clusterId))
    expect((await viewer('GET', '/rounds/200')).status).toBe(403)
    const operator = api.as(await api.token('operator', api.clusterId))
    const { status, body } = await operator('GET', '/rounds/200')
    expect(status).toBe(200)
    expect(RoundBody.parse(body).lines).toContainEqual(expect.stringContaining('node n2: '))
    expect(body.view.services['process:web'].sid).toBe('process:web')
  })
})

describe('a replay', () => {
  test('says that the same view leads to the same plan', async () => {
    const { body } = await api.ask('GET', '/rounds/200/replay')
    expect(ReplayBody.parse(body)).toMatchObject({ round: 200, same: true, difference: [] })
  })

  test('says what differs', async () => {
    const { body } = await api.ask('GET', '/rounds/201/replay')
    expect(body.same).toBe(false)
    expect(body.difference).toEqual([expect.stringMatching(/^\+ node n2: online → unknown/)])
  })

  test('of a round that is not there is refused with what to do', async () => {
    const { status, body } = await api.ask('GET', '/rounds/202/replay')
    expect([status, body.code]).toEqual([404, 'unknown-round'])
    expect((await api.ask('GET', '/rounds/x/replay')).status).toBe(422)
  })
})

describe('a scenario', () => {
  test('of a stored round holds what was decided, under other names, and the view where it is asked for', async () => {
    const { body } = await api.ask('GET', '/rounds/200/scenario')
    const { round, scenario, view } = ScenarioBody.parse(body)
    expect([round, view]).toEqual([200, null])
    expect(scenario).toContain('nodes n1 n2\n')
    expect(scenario).toContain('service process:1 started on n2\n')
    expect(scenario).toMatch(/^# {3}process:1: grant \d+ opened on n1/m)
    expect(scenario).not.toContain('web')
    const whole = (await api.ask('GET', '/rounds/200/scenario?view=true')).body.view
    expect(decide(whole).changes).toHaveLength(decided)
  })

  test('of the cluster as it is needs no stored round', async () => {
    const { status, body } = await api.ask('GET', '/scenario')
    expect([status, body.scenario]).toEqual([200, expect.stringContaining('nodes')])
    expect((await api.ask('GET', '/rounds/999/scenario')).status).toBe(404)
  })
})
