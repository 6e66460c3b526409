// Views of clusters of any size for measuring `decide`: everything healthy and at rest, as the store hands it over, and
// what happens to it. Services are dealt out in turn, so that each node has its ranks of them: 0, 1, 2 and on.
import type { ClusterView, NodeView, ServiceView } from '../../../control-plane/cluster/view.ts'
import { Scheduling } from '../../../shared/scheduling.ts'
import type { Rule } from '../../../shared/rule.ts'
import { aNode, aService, buildView, nowMs, silentNode } from '../../decide/build-view.ts'

export const modes = ['basic', 'static', 'dynamic'] as const
export const rounds = ['nothing new', 'steady', 'one node lost'] as const

export type DecideCase = {
  nodes: number
  services: number
  mode: (typeof modes)[number]
  /** Rules on 15 % of the services: node affinity, kept together, kept apart, a third each. */
  rules: boolean
  round: (typeof rounds)[number]
}

const GB = 1e9
const node = (index: number) => `n${String(index).padStart(3, '0')}`
const sid = (index: number) => `vm:s${String(index).padStart(6, '0')}`

/** What a round of this case reads, and what its replica knows from the round before. */
export type Round = { view: ClusterView; before: ClusterView; touched: readonly string[] }

/** The view that a round of this case reads. */
export function viewOf(one: DecideCase): ClusterView {
  return roundOf(one).view
}

/** A round of this case. */
export function roundOf(one: DecideCase): Round {
  const before = healthyView(one)
  return one.round === 'steady' ? withNews(before) : { view: before, before, touched: [] }
}

/** All at rest; but that a node may be lost, which its services do not say. */
function healthyView(one: DecideCase): ClusterView {
  const nodes = Array.from({ length: one.nodes }, (_, index) => nodeOf(one, index))
  const services = Array.from({ length: one.services }, (_, index) => serviceOf(one, index))
  const view = buildView({
    nodes,
    services: services.map((service, index) => granted(service, index)),
    rules: one.rules ? rulesOf(one) : [],
    nextGeneration: one.services + 1,
    lastRoundMs: nowMs - 500,
    settings: {
      scheduling: Scheduling.parse({ mode: one.mode, autoRebalance: one.mode !== 'basic' }),
    },
  })
  for (const service of Object.values(view.services)) report(view, service)
  return view
}

function nodeOf({ nodes, services, mode, round }: DecideCase, index: number): NodeView {
  const perNode = Math.ceil(services / nodes)
  const changes = {
    drivers: ['process' as const, 'vm' as const],
    capacity: { cpus: 64, memoryBytes: 2 * perNode * GB },
    // Not all alike, and far from an imbalance that would be acted on.
    ...(mode === 'dynamic' && {
      usage: { cpus: 20 + (index % 7), memoryBytes: (perNode + (index % 11)) * GB },
    }),
  }
  return round === 'one node lost' && index === 0
    ? silentNode(node(index), changes)
    : aNode(node(index), changes)
}

function serviceOf({ nodes, mode }: DecideCase, index: number): ServiceView {
  // By rank, so that all nodes have their share of each size.
  const rank = Math.floor(index / nodes) + (index % nodes)
  const figures = { cpus: 1 + (rank % 4), memoryBytes: (1 + (rank % 3)) * (GB / 2) }
  const service = aService(sid(index), node(index % nodes), {
    config: mode === 'basic' ? {} : { figures },
    grant: false,
  })
  if (mode === 'dynamic') service.usage = { cpus: 0.2 + (index % 13) / 100, memoryBytes: GB }
  return service
}

function granted(service: ServiceView, index: number): ServiceView {
  const holders = [{ node: service.status!.node!, epoch: 3, confirmed: true }]
  const generation = index + 1
  return { ...service, lastGeneration: generation, grant: { generation, holders } }
}

/** Its node says that it runs, and has answered the order to start it. */
function report(view: ClusterView, { sid: name, status, grant }: ServiceView): void {
  const { running, results } = view.nodes[status!.node!]!.report!
  running.push({ sid: name, generation: grant!.generation, state: 'running', stable: true })
  results.push({ uid: status!.uid, sid: name, outcome: 'ok' })
}

/** Something small: one service has come to run, one has failed to start, and one is to be stopped. */
function withNews(before: ClusterView): Round {
  const [, starts, fails, stops] = Object.values(before.services)
  const touched = [
    { ...starts!, status: { ...starts!.status!, running: false } },
    { ...fails!, status: { ...fails!.status!, running: false } },
    { ...stops!, config: { ...stops!.config!, requested: 'stopped' as const } },
  ]
  const services = { ...before.services }
  for (const service of touched) services[service.sid] = service
  const node = before.nodes[fails!.status!.node!]!
  const results = node.report!.results.map((result) =>
    result.sid === fails!.sid ? { ...result, outcome: 'error' as const } : result,
  )
  const nodes = { ...before.nodes, [node.name]: { ...node, report: { ...node.report!, results } } }
  return { before, view: { ...before, services, nodes }, touched: touched.map(({ sid }) => sid) }
}

/** Every seventh rank is under rules: 15 of a hundred services. What they ask for is what there is. */
function rulesOf({ nodes, services }: DecideCase): Rule[] {
  const ranks = Math.ceil(services / nodes)
  const under = Array.from({ length: Math.ceil(ranks / 7) }, (_, index) => index * 7)
  const [affine, together, apart] = [0, 1, 2].map((kind) => under.filter((_, i) => i % 3 === kind))
  const at = (index: number, rank: number) => {
    const place = rank * nodes + index
    return index < nodes && place < services ? [sid(place)] : []
  }
  const common = { disabled: false, comment: '' }
  const rules: Rule[] = []
  for (let index = 0; index < nodes; index += 3) {
    const three = [index, index + 1, index + 2].filter((one) => one < nodes)
    const resources = three.flatMap((one) => affine!.flatMap((rank) => at(one, rank)))
    const priorities = Object.fromEntries(three.map((one) => [node(one), 1]))
    const id = `prefer-${index}`
    if (resources.length > 0)
      rules.push({
        ...common,
        id,
        type: 'node-affinity',
        resources,
        nodes: priorities,
        strict: false,
      })
    for (const rank of apart!)
      add(
        rules,
        `apart-${index}-${rank}`,
        'negative',
        three.flatMap((one) => at(one, rank)),
      )
  }
  for (let index = 0; index < nodes; index++)
    add(
      rules,
      `together-${index}`,
      'positive',
      together!.flatMap((rank) => at(index, rank)),
    )
  return rules
}

function add(
  rules: Rule[],
  id: string,
  affinity: 'positive' | 'negative',
  resources: string[],
): void {
  if (resources.length < 2) return
  rules.push({ id, type: 'resource-affinity', affinity, resources, disabled: false, comment: '' })
}
