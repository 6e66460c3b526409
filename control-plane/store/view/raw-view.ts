// A view as its statement answers: the parts, as JSON brings them, and the services put together from theirs.
import type { NodeHealth } from '../../../shared/node-health.ts'
import type { Figures } from '../../../shared/scheduling.ts'
import type { Rule } from '../../../shared/rule.ts'
import type {
  ClusterCommandView,
  ClusterView,
  CommandView,
  GrantView,
  GroupView,
  NodeView,
  RevocationView,
  ServiceConfig,
  ServiceStatus,
  ServiceView,
} from '../../cluster/view.ts'

export type RawNode = Omit<NodeView, 'lease' | 'revocations'> & {
  lease: Omit<NodeView['lease'], 'judgedUntilMs'>
  revocations: (Omit<RevocationView, 'judgedUntilMs'> & { renewedMs: number | null })[]
  desiredDigest: string
  hasReport: boolean
  reportRevision: number | null
}

export type RawUsage = {
  node: string
  atMs: number
  usage: { node: Figures; services: Record<string, Figures> }
}

export type RawHealth = { node: string; atMs: number; health: NodeHealth }

export type RawView = {
  head: {
    horizon: string
    identity: string
    cluster: ClusterView['cluster']
    nowMs: number
    round: number
    lastRoundMs: number | null
    settings: unknown
    planeEpoch: ClusterView['planeEpoch']
    quorate: boolean
    quietSinceMs: number | null
    nextGeneration: number
    disarm: ClusterView['disarm']
    imbalancedSinceMs: number | null
    identityMatches: boolean
    regressClaims: { planeEpoch: number; why: string }[]
    longestLeaseMs: number
  } | null
  /** Sids of which something was written since; meaningless where everything was asked for. */
  touched: string[]
  nodes: RawNode[]
  /** null, both: what is known of them already still holds. */
  groups: GroupView[] | null
  rules: Rule[] | null
  usages: RawUsage[]
  healths: RawHealth[]
  services: (ServiceConfig & { sid: string })[]
  statuses: (ServiceStatus & { sid: string })[]
  grants: (GrantView & { sid: string })[]
  lastGenerations: Record<string, number>
  commands: CommandView[]
  clusterCommands: ClusterCommandView[]
}

/** The services in `row`, by sid. */
export function servicesOf(row: RawView): Record<string, ServiceView> {
  const services: Record<string, ServiceView> = {}
  const at = (sid: string) => {
    services[sid] ??= { sid, config: null, status: null, grant: null, everGranted: false }
    return services[sid]
  }
  for (const { sid, ...config } of row.services) at(sid).config = config
  for (const { sid, ...status } of row.statuses) at(sid).status = status
  for (const { sid, ...grant } of row.grants) at(sid).grant = withOwnNumber(grant)
  for (const service of Object.values(services)) {
    service.lastGeneration = row.lastGenerations[service.sid] ?? null
    service.everGranted = service.lastGeneration !== null
  }
  return services
}

/** The older holder's number is the grant's. */
function withOwnNumber(grant: GrantView): GrantView {
  const [first, ...others] = grant.holders
  if (first?.generation === undefined) return grant
  const { generation, ...older } = first
  return { generation, holders: [older, ...others] }
}
