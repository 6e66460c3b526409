// The idealised agent: what a node reports when everything it is told succeeds at once. Stops end for good, grants are
// confirmed, starts run, questions are answered. Pure; must never decide anything, nor speak for a node that is dead.
import { currentReport, holderOn } from '../../cluster/grants.ts'
import { type DesiredDocument, desiredForAll } from '../../cluster/orders.ts'
import type { ReportView } from '../../cluster/node-words.ts'
import type {
  ClusterView,
  LeaseView,
  NodeName,
  NodeView,
  ServiceView,
  Sid,
} from '../../cluster/view.ts'
import type {
  Order,
  OrderResult,
  RunningService,
  ServiceGeneration,
} from '../../../shared/protocol.ts'
import { fenceAfterMs } from '../../../shared/timing.ts'

export type Obeyed = {
  view: ClusterView
  /** Something was reported that the view did not say before: the CRM has to look again. */
  isNews: boolean
}

/**
 * Lets every node of `alive` renew its lease and obey its desired state, all of it at `view.nowMs`.
 * @param alive the boot that speaks for each living node
 * @param untilMs agents never fail to renew: their leases are shown as renewed until then, so that time may be skipped
 */
export function obey(
  view: ClusterView,
  alive: ReadonlyMap<NodeName, string>,
  untilMs: number,
): Obeyed {
  const living = [...alive.keys()].filter((name) => view.nodes[name])
  const documents = desiredForAll(view, living)
  const after = { ...view, nodes: { ...view.nodes }, services: view.services }
  const confirmed = new Map<Sid, NodeName[]>()
  let isNews = false
  for (const name of living) {
    const node = view.nodes[name]!
    const bootId = alive.get(name)!
    if (node.lease.bootId !== bootId) {
      const asking = ask(view, node, bootId)
      isNews ||= asking !== node
      after.nodes[name] = asking
      continue
    }
    const answered = work(view, node, documents[name]!, confirmed)
    isNews ||= answered.isNews
    after.nodes[name] = renewed(view, answered.node, documents[name]!, untilMs)
  }
  if (confirmed.size === 0) return { view: after, isNews }
  after.services = { ...view.services }
  for (const [sid, nodes] of confirmed) after.services[sid] = confirm(view.services[sid]!, nodes)
  return { view: after, isNews: true }
}

/** A boot without a lease asks for one, and answers that it finds nothing of what it is asked about. */
function ask(view: ClusterView, node: NodeView, bootId: string): NodeView {
  const { challenge, epochRequest } = node
  const isItsOwn = challenge?.bootId === bootId && challenge.epoch === node.lease.epoch
  const nonce = isItsOwn ? challenge.nonce : null
  const isSaid = epochRequest?.bootId === bootId && epochRequest.nonce === nonce
  if (isSaid && epochRequest.requestedMs === view.nowMs) return node
  // The boot that last reported finds what it said it runs; any other boot finds nothing.
  const ran = node.report?.bootId === bootId ? node.report.running : []
  const found = (isItsOwn ? challenge.questions : []).map(({ sid, generation }) => {
    const runs = ran.some((one) => one.sid === sid && one.generation === generation)
    return { sid, generation, state: runs ? ('running' as const) : ('stopped' as const) }
  })
  const request = {
    bootId,
    sameHardware: true,
    planeEpoch: view.planeEpoch.number,
    nonce,
    found,
    requestedMs: view.nowMs,
  }
  return { ...node, epochRequest: request }
}

/** Carries out the orders of one node. */
function work(
  view: ClusterView,
  node: NodeView,
  { services: orders }: DesiredDocument,
  confirmed: Map<Sid, NodeName[]>,
): { node: NodeView; isNews: boolean } {
  const report = reportOf(node)
  const running = new Map(report.running.map((one) => [one.sid, one]))
  const answered = new Map(report.results.map((one) => [one.uid, one]))
  const results: OrderResult[] = []
  const closed: ReportView['closed'] = []
  let isNews = report !== node.report || node.lease.renewedMs === null
  for (const order of orders) {
    const known = answered.get(order.uid)
    if (known) results.push(known)
    if (order.generation !== null && isStart(order) && !known)
      isNews = start(view, node, order, running, confirmed) || isNews
    if (isEnd(order)) {
      isNews = running.delete(order.sid) || isNews
      if (order.generation !== null) closed.push({ sid: order.sid, generation: order.generation })
    }
    if (known || !isAnswered(order)) continue
    results.push({ uid: order.uid, sid: order.sid, outcome: 'ok' })
    isNews = true
  }
  isNews ||= closed.some((one) => !says(report.closed, one))
  if (!isNews) return { node, isNews }
  const said = { ...report, seq: report.seq + 1, running: [...running.values()], closed, results }
  return { node: { ...node, report: said }, isNews }
}

/** True where it did not run before under this generation. */
function start(
  view: ClusterView,
  node: NodeView,
  order: Order,
  running: Map<Sid, RunningService>,
  confirmed: Map<Sid, NodeName[]>,
): boolean {
  const { sid } = order
  const generation = order.generation!
  const before = running.get(sid)
  // Another node may have a half of it: what runs, runs on, but nothing is started. To receive is not to start.
  if (order.shared && order.move === undefined && before === undefined) return false
  // Confirms are not granted in a quarantine (rule 12).
  const holder = holderOn(view.services[sid]!.grant, node.name)!
  if (!holder.confirmed) {
    if (view.planeEpoch.quarantineUntilMs !== null) return false
    confirmed.set(sid, [...(confirmed.get(sid) ?? []), node.name])
  }
  const half = order.move && isStillComing(view, order) ? incoming(node) : runs
  if (before?.generation === generation && before.state === half.state && before.stable)
    return false
  running.set(sid, { sid, generation, ...half })
  return true
}

const runs = { state: 'running', stable: true } as const
const incoming = ({ name }: NodeView) =>
  ({ state: 'incoming', stable: true, address: `${name} listens` }) as const

/** The target's half of a live move comes alive when the source no longer has its own, whatever number that bears. */
function isStillComing(view: ClusterView, { sid, move }: Order): boolean {
  const peer = view.nodes[move!.peer]
  return peer !== undefined && currentReport(peer)?.running.some((one) => one.sid === sid) === true
}

const isStart = ({ state, move }: Order) => state === 'started' || move?.role === 'target'

/** It has nothing of it left afterwards: a stop, or the source's half of a live move that may begin. */
const isEnd = ({ state, move }: Order) =>
  state === 'request_stop' ||
  state === 'relocate' ||
  state === 'stopped' ||
  (move?.role === 'source' && move.address !== null && !move.cancel)

/** What an agent has nothing to do for is not answered, and the target of a move has not moved anything. */
const isAnswered = (order: Order) =>
  isEnd(order) || (order.state === 'started' && order.generation !== null)

/** Its last report under the lease it has; an empty one where it has said nothing yet. */
function reportOf({ report, lease }: NodeView): ReportView {
  if (report?.epoch === lease.epoch && report.bootId === lease.bootId) return report
  const nothing = { running: [], closed: [], results: [] }
  const running = report?.bootId === lease.bootId ? report.running : []
  return { epoch: lease.epoch, bootId: lease.bootId!, seq: 0, ...nothing, running }
}

/** One renewal: reported now, and never late again. */
function renewed(
  view: ClusterView,
  node: NodeView,
  { mode, services }: DesiredDocument,
  untilMs: number,
): NodeView {
  const { lease, watchdog } = node
  const holds = services.some((order) => order.generation !== null)
  const isArmed = watchdog.class !== 'none' && (holds || lease.armed)
  // An agent that ends, or empties its node to end, goes on with that; only a disarm comes before it.
  const isFollowed = mode === 'disarm' || lease.mode === 'active' || lease.mode === 'disarm'
  const next: LeaseView = {
    ...lease,
    leaseUntilMs: Math.max(lease.leaseUntilMs, untilMs + fenceAfterMs(view.settings.timing)),
    judgedUntilMs: Math.max(lease.judgedUntilMs, untilMs + fenceAfterMs(view.settings.timing)),
    renewedMs: untilMs,
    reportedMs: view.nowMs,
    armed: isArmed,
    guarded: holds ? isArmed && lease.guarded !== false : lease.guarded,
    revision: view.round,
    attestedPlaneEpoch: view.planeEpoch.number,
    mode: isFollowed ? mode : lease.mode,
  }
  return { ...node, lease: next }
}

function confirm(service: ServiceView, nodes: readonly NodeName[]): ServiceView {
  const { grant } = service
  if (grant === null) return service
  const holders = grant.holders.map((holder) =>
    nodes.includes(holder.node) ? { ...holder, confirmed: true } : holder,
  )
  return { ...service, grant: { ...grant, holders } }
}

function says(closed: ReportView['closed'], { sid, generation }: ServiceGeneration): boolean {
  return closed.some((one) => one.sid === sid && one.generation === generation)
}
