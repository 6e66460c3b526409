// The question of a what-if: what is supposed to happen to nodes and services, put into a view. Pure. Must touch
// nothing else: whatever follows is decided by the CRM's own rules.
import { fenceAfterMs } from '../../../shared/timing.ts'
import { hasCurrentLease } from '../../cluster/grants.ts'
import type {
  ClusterView,
  NodeName,
  NodeView,
  ServiceConfig,
  ServiceView,
  Sid,
} from '../../cluster/view.ts'

/** A service as it is supposed to be configured; fields that are not named stay as they are. */
export type SupposedService = {
  sid: Sid
  requested?: ServiceConfig['requested'] | undefined
  group?: string | null | undefined
  removed?: boolean | undefined
}

export type Hypothesis = {
  /** They lose their power, after everything else has come to rest. */
  down: readonly NodeName[]
  /** Maintenance is requested for them. */
  maintenance: readonly NodeName[]
  /** They are in service again: out of maintenance, and booted anew where they do not renew. */
  back: readonly NodeName[]
  services: readonly SupposedService[]
  /** A person confirms the death of the nodes that are down, where nothing else proves it. */
  confirmed: boolean
}

/** What a service that is only supposed has for what nobody said. */
const usualConfig: ServiceConfig = {
  requested: 'started',
  spec: null,
  group: null,
  maxRestart: 1,
  maxRelocate: 1,
  stopTimeoutMs: null,
  failback: true,
  autoRebalance: true,
  figures: null,
  node: null,
  version: 0,
}

/** Nothing is supposed: the cluster as it is, with agents that obey. */
export const nothing: Hypothesis = {
  down: [],
  maintenance: [],
  back: [],
  services: [],
  confirmed: false,
}

/** `view` with everything in it that is planned. Names must be known. */
export function plan(view: ClusterView, { maintenance, back, services }: Hypothesis): ClusterView {
  const planned = { ...view, nodes: { ...view.nodes }, services: { ...view.services } }
  for (const name of maintenance)
    planned.nodes[name] = { ...planned.nodes[name]!, maintenanceRequested: true }
  for (const name of back) planned.nodes[name] = inService(planned.nodes[name]!)
  for (const change of services) {
    const changed = supposedService(planned.services[change.sid], change)
    if (changed === null) delete planned.services[change.sid]
    else planned.services[change.sid] = changed
  }
  return planned
}

/** Its agent, too, empties it no more. */
function inService(node: NodeView): NodeView {
  const { lease } = node
  const mode = lease.mode === 'maintenance' ? 'active' : lease.mode
  return { ...node, maintenanceRequested: false, lease: { ...lease, mode } }
}

/** The nodes that go on renewing, and the boot that speaks for each; those of `back` boot anew if they must. */
export function livingNodes(view: ClusterView, back: readonly NodeName[]): Map<NodeName, string> {
  const alive = new Map<NodeName, string>()
  for (const node of Object.values(view.nodes)) {
    const bootId = livingBoot(view, node) ?? (back.includes(node.name) ? nextBoot(node) : null)
    if (bootId !== null) alive.set(node.name, bootId)
  }
  return alive
}

/** `view` with the last renewals of these nodes made now: from here on they are silent. */
export function cutLeases(view: ClusterView, names: readonly NodeName[]): ClusterView {
  const nodes = { ...view.nodes }
  const lastMs = view.nowMs + fenceAfterMs(view.settings.timing)
  for (const name of names) {
    const { lease } = nodes[name]!
    nodes[name] = {
      ...nodes[name]!,
      lease: {
        ...lease,
        renewedMs: lease.renewedMs && Math.min(lease.renewedMs, view.nowMs),
        leaseUntilMs: Math.min(lease.leaseUntilMs, lastMs),
        judgedUntilMs: Math.min(lease.judgedUntilMs, lastMs),
      },
    }
  }
  return { ...view, nodes }
}

/** The boot that renews the node's lease or is asking for one; null: nobody was heard lately. */
function livingBoot({ nowMs, settings }: ClusterView, node: NodeView): string | null {
  const { silentMs } = settings.timing
  const { lease, epochRequest } = node
  if (epochRequest !== null && nowMs - epochRequest.requestedMs < silentMs)
    return epochRequest.bootId
  const renews = lease.renewedMs === null || nowMs - lease.renewedMs < silentMs
  return renews && hasCurrentLease(node, nowMs) ? lease.bootId : null
}

/** A boot that nobody has seen yet. */
const nextBoot = ({ name }: NodeView) => `${name} boots again`

function supposedService(
  known: ServiceView | undefined,
  { sid, requested, group, removed }: SupposedService,
): ServiceView | null {
  const service = known ?? { sid, config: null, status: null, grant: null, everGranted: false }
  if (removed) {
    const isHeld = service.status !== null || service.grant !== null
    return isHeld ? { ...service, config: null } : null
  }
  const config = { ...(service.config ?? usualConfig) }
  if (requested !== undefined) config.requested = requested
  if (group !== undefined) config.group = group
  return { ...service, config }
}
