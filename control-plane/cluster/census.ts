// The services of a view by what a decision asks of them: who is on each node, what they load it with, and who is to be
// asked about something besides; and what nodes report, by lookups. Taken in one pass; carried from round to round by whoever reads
// only what changed, so that a decision costs what is new and not what there is. Records are told apart by being the same
// objects, which are never changed in place: a census says nothing of others than those it was taken of. Pure.
import { CensusTaking } from './census-taking.ts'
import { compareText } from './grants.ts'
import type { ServiceType } from '../../shared/names.ts'
import { Reports } from './reports.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from './view.ts'

/** All lists are in order. */
export type Census = {
  /** What it was taken of: the very object. */
  readonly services: Readonly<Record<Sid, ServiceView>>
  readonly sids: readonly Sid[]
  readonly lists: Readonly<Record<Listed, readonly Sid[]>>
  readonly nodes: ReadonlyMap<NodeName, NodeCensus>
  /** Of how many of each type it is settled where they are. */
  readonly settledTypes: ReadonlyMap<ServiceType, number>
  /** Nodes that services are on or bound for, and that are not in the view. */
  readonly strangers: ReadonlySet<NodeName>
  readonly reports: Reports
}

export type Listed =
  /** To be taken up or let go of. */
  | 'toManage'
  /** The desired state asks the nodes about them. */
  | 'probed'
  /** Between two nodes. */
  | 'moving'
  /** With a note on record. */
  | 'noted'
  /** Nobody holds a grant for them. */
  | 'ungranted'
  /** On a node, or bound for one, without being part of what that node was measured to use. */
  | 'unmeasured'
  /** All but those that run where they should (settled.ts). */
  | 'unsettled'

export type NodeCensus = {
  /** Services located on it, moving to it, or held by it. */
  readonly sids: readonly Sid[]
  /** Of those, the settled ones. */
  readonly settled: ReadonlyMap<ServiceType, readonly Sid[]>
  readonly load: Readonly<NodeLoad>
}

/** What services load a node with, by what they ask for. Whole numbers: no trace is left of what was taken away. */
export type NodeLoad = {
  services: number
  /** In millionths of a CPU. */
  cpu: number
  /** Of how many services each takes all the CPUs there are. */
  wholes: number
  memoryBytes: number
}

type Counted = Pick<ClusterView, 'services' | 'nodes'>

/** The census of a view. */
export function takeCensus({ services, nodes }: Counted): Census {
  const taking = new CensusTaking(null, nodes)
  for (const sid of sortedKeys(services)) taking.enter(undefined, services[sid])
  return { services, ...taking.finish(true), reports: Reports.take(nodes) }
}

/** The census of a view whose services differ from those of `before` in the `touched` ones at most. */
export function censusAfter(before: Census, view: Counted, touched: Iterable<Sid>): Census {
  const { services, nodes } = view
  const sids = new Set(touched)
  // Taking it anew is quicker than to move most of them.
  if (sids.size * 4 > before.sids.length) return takeCensus(view)
  const reports = before.reports.after(nodes)
  const taking = new CensusTaking(before, nodes)
  for (const sid of sids) taking.enter(before.services[sid], services[sid])
  return { services, ...taking.finish(reports.names !== before.reports.names), reports }
}

/** Whether it says what there is in this view: of the same records. */
export function isCensusOf({ services, reports }: Census, view: Counted): boolean {
  return services === view.services && reports.areOf(view.nodes)
}

/** Views mostly come in order already, and looking is cheaper than sorting. */
function sortedKeys(record: Readonly<Record<string, unknown>>): string[] {
  const keys = Object.keys(record)
  const isSorted = keys.every((key, i) => i === 0 || keys[i - 1]! < key)
  return isSorted ? keys : keys.sort(compareText)
}
