// What a replica remembers of a cluster between two rounds, so that a round reads only what was written since: services,
// reports, usages and rules, which are many. All else is read anew each time, and nothing here is ever believed about another
// server or history of the database. Records are never changed in place: what did not change stays the same object.
import { type Census, censusAfter, takeCensus } from '../../cluster/census.ts'
import { compareText } from '../../cluster/grants.ts'
import type { ReportView } from '../../cluster/node-words.ts'
import type { ClusterView, ServiceView } from '../../cluster/view.ts'
import type { KnownRules } from '../../cluster/rules/known-rules.ts'
import type { UnderRules } from '../../cluster/rules/under-rules.ts'
import type { DesiredMemory } from './desired-memory.ts'
import { type RawHealth, type RawUsage, type RawView, servicesOf } from './raw-view.ts'

export type KnownView = {
  /** Server, timeline and start of the database that it was read from. */
  identity: string
  /** Number and uuid of the plane epoch: another one is another history, on whatever server. */
  planeEpoch: string
  round: number
  /** Uids of the nodes: rows name nodes by uid, the view by name. */
  roster: string
  /** The lowest transaction that the snapshot may not have shown. */
  horizon: string
  services: Record<string, ServiceView>
  reports: Record<string, ReportView | null>
  usages: Record<string, RawUsage>
  healths: Record<string, RawHealth>
  desired: DesiredMemory | null
  /** Of the view that was read last; null: none was taken yet. */
  census: Census | null
  rules: KnownRules | null
  underRules: UnderRules | null
}

/** One replica's memory; each cluster's newest view. */
export class ViewCache {
  readonly #known = new Map<number, KnownView>()

  /** What to read from on; null: everything. */
  get(clusterId: number): KnownView | null {
    return this.#known.get(clusterId) ?? null
  }

  set(clusterId: number, known: KnownView): void {
    this.#known.set(clusterId, known)
  }
}

/**
 * Whether what is known may be completed by `row`, which brought only what was touched since. SAFETY: neither transactions nor
 * rounds run backwards in one history; where they do, what is known may have been undone, and nothing names it as touched.
 */
export function fits(known: KnownView, row: RawView): boolean {
  const { head } = row
  return (
    head !== null &&
    known.identity === head.identity &&
    known.planeEpoch === epochOf(row) &&
    known.roster === rosterOf(row) &&
    known.round <= head.round &&
    BigInt(known.horizon) <= BigInt(head.horizon)
  )
}

function epochOf({ head }: RawView): string {
  return head === null ? '' : `${head.planeEpoch.number} ${head.planeEpoch.uuid}`
}

export function rosterOf(row: RawView): string {
  return row.nodes.map(({ uid, name }) => `${uid} ${name}`).join(',')
}

/** Usage that is older than this tells nothing any more. */
const usageKeptMs = 120_000

/**
 * The newest knowledge: what was known, with what `row` brings put over it.
 * @param before null: `row` brings everything
 */
export function completed(before: KnownView | null, row: RawView, nowMs: number): KnownView {
  return {
    identity: row.head?.identity ?? '',
    planeEpoch: epochOf(row),
    round: row.head?.round ?? 0,
    roster: rosterOf(row),
    horizon: row.head?.horizon ?? '0',
    reports: reportsOf(before, row),
    usages: usagesOf(before, row, nowMs),
    healths: healthsOf(before, row),
    services: withUsage(before, servicesNow(before, row), usagesOf(before, row, nowMs)),
    desired: before?.desired ?? null,
    census: null,
    rules: null,
    underRules: null,
  }
}

/** The census of the view that was made of `row`. Usage does not count in it: it is all that is not said to be touched. */
export function censusOf(before: KnownView | null, row: RawView, view: ClusterView): Census {
  return before?.census ? censusAfter(before.census, view, row.touched) : takeCensus(view)
}

function reportsOf(before: KnownView | null, row: RawView): KnownView['reports'] {
  const reports: KnownView['reports'] = {}
  for (const { uid, hasReport, report } of row.nodes)
    reports[uid] = hasReport ? (report ?? before?.reports[uid] ?? null) : null
  return reports
}

function usagesOf(before: KnownView | null, row: RawView, nowMs: number): KnownView['usages'] {
  const usages = { ...before?.usages }
  for (const usage of row.usages) usages[usage.node] = usage
  for (const node of Object.keys(usages))
    if (nowMs - usages[node]!.atMs > usageKeptMs) delete usages[node]
  return usages
}

/** A node that left and joined again under its name changes the roster, and with it everything is read anew. */
function healthsOf(before: KnownView | null, row: RawView): KnownView['healths'] {
  if (row.healths.length === 0) return before?.healths ?? {}
  const healths = { ...before?.healths }
  for (const health of row.healths) healths[health.node] = health
  return healths
}

function servicesNow(before: KnownView | null, row: RawView): Record<string, ServiceView> {
  const fresh = servicesOf(row)
  if (before === null) return fresh
  if (row.touched.length === 0) return before.services
  const services = { ...before.services }
  let isNew = false
  for (const sid of row.touched) {
    const service = fresh[sid]
    if (service === undefined) delete services[sid]
    else {
      isNew ||= services[sid] === undefined
      services[sid] = service
    }
  }
  return isNew ? inOrder(services) : services
}

/** Views come in the order of their keys; a decision need not sort them then. */
function inOrder(services: Record<string, ServiceView>): Record<string, ServiceView> {
  return Object.fromEntries(Object.entries(services).sort(([a], [b]) => compareText(a, b)))
}

/** Measured figures beside the services they are about; they count only where a service is. */
function withUsage(
  before: KnownView | null,
  services: Record<string, ServiceView>,
  usages: KnownView['usages'],
): Record<string, ServiceView> {
  const nodes = new Set([...Object.keys(usages), ...Object.keys(before?.usages ?? {})])
  if (nodes.size === 0) return services
  let changed = services
  for (const sid in services) {
    const service = services[sid]!
    const node = service.status?.node ?? ''
    const usage = usages[node]?.usage.services[sid] ?? null
    if ((service.usage ?? null) === usage) continue
    if (changed === services) changed = { ...services }
    changed[sid] = { ...service, usage }
  }
  return changed
}
