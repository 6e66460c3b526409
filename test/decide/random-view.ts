// Views of a small cluster with all that may be wrong with its services, its nodes and what they answer, under some rules:
// as data that fast-check can draw and shrink.
import fc from 'fast-check'
import type { ClusterView, ServiceConfig, ServiceStatus } from '../../control-plane/cluster/view.ts'
import type { Rule } from '../../shared/rule.ts'
import { aGroup, aNode, aService, buildView, silentNode } from './build-view.ts'

export const sids = ['process:a', 'process:b', 'process:c', 'process:d']
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

export const aView = fc
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
