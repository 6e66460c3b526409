// The quick look at services at rest says no more than the long one: whoever is passed over would not have been changed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClusterView, ServiceConfig, ServiceStatus } from '../../control-plane/cluster/view.ts'
import { compiledRules } from '../../control-plane/crm/decide/compiled-rules.ts'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { restJudge } from '../../control-plane/crm/decide/service-states/at-rest.ts'
import { stepStarted } from '../../control-plane/crm/decide/service-states/started.ts'
import type { Rule } from '../../shared/rule.ts'
import { aGroup, aNode, aService, buildView, silentNode } from './build-view.ts'

const sids = ['process:a', 'process:b', 'process:c', 'process:d']
const nodes = ['n1', 'n2', 'n3']

const changed = <T>(usual: T, ...unusual: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(usual) }, ...unusual.map((one) => fc.constant(one)))

const aState = fc.record({
  on: fc.nat(2),
  state: changed<ServiceStatus['state']>(
    'started',
    'stopped',
    'relocate',
    'request_start',
    'freeze',
    'error',
  ),
  requested: changed<ServiceConfig['requested']>('started', 'stopped', 'disabled'),
  running: changed(true, false),
  restart: changed(false, true),
  failedNodes: changed<string[]>([], ['n2']),
  fallbackNode: changed<string | null>(null, 'n1', 'n3'),
  probeRound: changed<number | null>(null, 150),
  holder: changed<'here' | 'elsewhere' | 'both' | 'none'>('here', 'elsewhere', 'both', 'none'),
  answer: changed<'ok' | 'error' | null>(null, 'ok', 'error'),
  group: changed<string | null>(null, 'g'),
})

const aNodeState = changed<
  'well' | 'silent' | 'quiet' | 'maintenance' | 'restart' | 'shutdown' | 'bare'
>('well', ...(['silent', 'quiet', 'maintenance', 'restart', 'shutdown', 'bare'] as const))

const aRule = fc
  .record({
    type: fc.constantFrom('positive' as const, 'negative' as const, 'nodes' as const),
    pair: fc.subarray(sids, { minLength: 2, maxLength: 3 }),
    node: fc.constantFrom(...nodes),
    strict: fc.boolean(),
  })
  .map(({ type, pair, node, strict }): Rule => {
    const common = { id: `${type}-${pair.join()}`, resources: pair, disabled: false, comment: '' }
    return type === 'nodes'
      ? { ...common, type: 'node-affinity', nodes: { [node]: 1 }, strict }
      : { ...common, type: 'resource-affinity', affinity: type }
  })

const aView = fc
  .record({
    services: fc.tuple(aState, aState, aState, aState),
    nodes: fc.tuple(aNodeState, aNodeState, aNodeState),
    rules: fc.array(aRule, { maxLength: 2 }),
  })
  .map(({ services, nodes: states, rules }): ClusterView => {
    const view = buildView({
      nodes: nodes.map((name, index) => nodeIn(name, states[index]!)),
      services: services.map((one, index) => serviceIn(sids[index]!, one)),
      groups: [aGroup('g', { n2: 1 })],
      rules,
    })
    services.forEach(({ on, answer }, index) => {
      const sid = sids[index]!
      if (answer === null) return
      const { results, running } = view.nodes[nodes[on]!]!.report!
      results.push({ uid: `uid-${sid}`, sid, outcome: answer })
      running.push({ sid, generation: index + 2, state: 'running', stable: true })
    })
    return view
  })

function nodeIn(
  name: string,
  state: 'well' | 'silent' | 'quiet' | 'maintenance' | 'restart' | 'shutdown' | 'bare',
) {
  if (state === 'silent') return silentNode(name, { state: 'unknown' })
  if (state === 'quiet') return silentNode(name, {}, 20_000) // and not yet judged so
  if (state === 'maintenance') return aNode(name, { state, maintenanceRequested: true })
  if (state === 'bare') return aNode(name, { drivers: [] })
  return aNode(name, { lease: { mode: state === 'well' ? 'active' : state } })
}

type State = typeof aState extends fc.Arbitrary<infer T> ? T : never

function serviceIn(sid: string, one: State) {
  const node = nodes[one.on]!
  const other = nodes[(one.on + 1) % 3]!
  const holdersOn = { here: [node], elsewhere: [other], both: [node, other], none: [] }[one.holder]
  const holders = holdersOn.map((name) => ({ node: name, epoch: 3, confirmed: true }))
  const { requested, group, on: _, holder: __, answer: ___, ...status } = one
  const target = one.state === 'relocate' ? other : null
  return aService(sid, node, {
    config: { requested, group },
    status: { ...status, target },
    grant: holders.length === 0 ? null : { generation: sids.indexOf(sid) + 2, holders },
  })
}

/** What the long look does to a service: nothing at all, or something. */
function isLeftAlone(view: ClusterView, sid: string): boolean {
  const draft = startDraft(view)
  const service = draft.view.services.get(sid)!
  const { config, status } = service
  stepStarted(draft, { sid, service, config: config!, status: status! })
  return (
    draft.changes.length === 0 &&
    draft.serviceNotes.size === 0 &&
    draft.jobs.length === 0 &&
    draft.nextRoundMs === null
  )
}

test('whoever is at rest is left alone by the long look as well, and whoever is not is asked, whatever is wrong with it or around it', () => {
  let rested = 0
  fc.assert(
    fc.property(aView, (view) => {
      const draft = startDraft(view)
      const { isAtRest, restless } = restJudge(draft)
      const asked = restless()
      expect(asked).toEqual([...asked].sort())
      for (const service of Object.values(view.services)) {
        if (!isAtRest(service)) {
          expect(asked).toContain(service.sid)
          continue
        }
        rested += 1
        expect({ sid: service.sid, alone: isLeftAlone(view, service.sid) }).toEqual({
          sid: service.sid,
          alone: true,
        })
      }
      expect(draft.changes).toEqual([])
    }),
    { numRuns: 3_000 },
  )
  expect(rested).toBeGreaterThan(500)
})

test('most services of a healthy cluster are at rest, under rules too', () => {
  const rules: Rule[] = [
    {
      id: 'keep',
      type: 'resource-affinity',
      affinity: 'positive',
      resources: sids.slice(0, 2),
      disabled: false,
      comment: '',
    },
    {
      id: 'part',
      type: 'resource-affinity',
      affinity: 'negative',
      resources: sids.slice(1, 3),
      disabled: false,
      comment: '',
    },
    {
      id: 'nodes',
      type: 'node-affinity',
      nodes: { n3: 1 },
      strict: true,
      resources: sids.slice(3),
      disabled: false,
      comment: '',
    },
  ]
  const places = ['n1', 'n1', 'n2', 'n3']
  const view = buildView({
    rules,
    services: sids.map((sid, index) => aService(sid, places[index]!)),
  })
  const draft = startDraft(view)
  expect(compiledRules(draft).infeasible.size).toBe(0)
  const { isAtRest } = restJudge(draft)
  expect(Object.values(view.services).map(isAtRest)).toEqual([true, true, true, true])
})
