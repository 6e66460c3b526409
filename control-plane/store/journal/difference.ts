// A view as what differs from an older one of the same cluster. A replica's views share the records that nothing was
// written about, so what is the same object is the same; nothing is compared by its contents. Pure.
import type { Figures } from '../../../shared/scheduling.ts'
import type { ReportView } from '../../cluster/node-words.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from '../../cluster/view.ts'

/** What is remembered of the older view: only what is large. */
export type Base = Pick<ClusterView, 'round' | 'services'> & {
  reports: Record<NodeName, ReportView | null>
  /** How many services. */
  count: number
}

/** The newer view, but for what it shares with the older one. */
export type Difference = ClusterView & {
  /** The round whose view this one is completed from. */
  base: number
  /** Nodes whose report is the older one; here it is null. */
  sameReports: NodeName[]
  /** Services that are no more. */
  gone: Sid[]
  /** Of services of which only that differs. */
  usages: Record<Sid, Figures | null>
}

/** What to remember of `view`. */
export function baseOf({ round, services, nodes }: ClusterView): Base {
  const reports: Base['reports'] = {}
  for (const name in nodes) reports[name] = nodes[name]!.report
  return { round, services, reports, count: Object.keys(services).length }
}

/** `view` as it differs from `base`. */
export function differenceOf(view: ClusterView, base: Base): Difference {
  const different = { ...view, base: base.round, ...differentReports(view, base) }
  const services: ClusterView['services'] = {}
  const usages: Difference['usages'] = {}
  const gone: Sid[] = []
  if (view.services !== base.services) {
    let left = base.count
    for (const sid in view.services) {
      const service = view.services[sid]!
      const older = base.services[sid]
      if (older) left -= 1
      if (service === older) continue
      // Where none was ever told, none is told of: absent is not the same text as null.
      if (service.usage !== undefined && older && isButForUsage(service, older))
        usages[sid] = service.usage
      else services[sid] = service
    }
    if (left > 0) for (const sid in base.services) if (!(sid in view.services)) gone.push(sid)
  }
  return { ...different, services, usages, gone }
}

function differentReports({ nodes: now }: ClusterView, { reports }: Base) {
  const nodes: ClusterView['nodes'] = {}
  const sameReports: NodeName[] = []
  for (const name in now) {
    const node = now[name]!
    const isSame = node.report !== null && node.report === reports[name]
    if (isSame) sameReports.push(name)
    nodes[name] = isSame ? { ...node, report: null } : node
  }
  return { nodes, sameReports }
}

function isButForUsage(service: ServiceView, older: ServiceView): boolean {
  return (
    service.config === older.config &&
    service.status === older.status &&
    service.grant === older.grant &&
    service.lastGeneration === older.lastGeneration
  )
}

/** The whole view again. */
export function completedFrom(difference: Difference, older: ClusterView): ClusterView {
  const { base: _, sameReports, gone, usages, ...view } = difference
  const nodes = { ...view.nodes }
  for (const name of sameReports)
    nodes[name] = { ...nodes[name]!, report: older.nodes[name]?.report ?? null }
  const services = { ...older.services, ...view.services }
  for (const sid of gone) delete services[sid]
  for (const [sid, usage] of Object.entries(usages)) services[sid] = { ...services[sid]!, usage }
  return { ...view, nodes, services }
}
