// What operators write, in the memory store: the rows of http/records. Judged by the intake before; nothing is refused
// here. Pure: a state in, a state out.
import type { Rule } from '../../../shared/rule.ts'
import type { RequestedState } from '../../../shared/service.ts'
import type { Settings } from '../../../shared/settings.ts'
import type {
  ClusterCommandView,
  CommandView,
  GroupView,
  ServiceConfig,
  Sid,
} from '../../cluster/view.ts'
import { forget, heldUntil, nodeOf } from './save.ts'
import { withColumns } from './operator-columns.ts'
import { type ClusterState, type StoredToken, withNode } from './state.ts'

/** A service as it is added or after a change; its version counts up. */
export function putService(
  state: ClusterState,
  sid: Sid,
  config: Omit<ServiceConfig, 'version'>,
): ClusterState {
  const known = state.services[sid] ?? {
    ...{ sid, config: null, status: null, grant: null, everGranted: false },
  }
  const version = (known.config?.version ?? 0) + 1
  const since = known.config ? known.config.adoptedAfter : (state.lastGenerations[sid] ?? 0)
  const next = { ...config, ...(config.adoptedFrom && { adoptedAfter: since }), version }
  return { ...state, services: { ...state.services, [sid]: { ...known, config: next } } }
}

/** The requested state; the version moves only when it was another. */
export function setRequested(
  state: ClusterState,
  sid: Sid,
  requested: RequestedState,
): ClusterState {
  const config = state.services[sid]?.config
  if (!config || config.requested === requested) return state
  return putService(state, sid, { ...config, requested })
}

/** Forgets the wish. Its grant, if one is open, stays until evidence closes it. */
export function deleteService(state: ClusterState, sid: Sid): ClusterState {
  const known = state.services[sid]
  if (!known) return state
  return forget({ ...state, services: { ...state.services, [sid]: { ...known, config: null } } })
}

export function addCommand(state: ClusterState, command: CommandView): ClusterState {
  return { ...state, commands: [...state.commands, command] }
}

export function addClusterCommand(state: ClusterState, command: ClusterCommandView): ClusterState {
  return { ...state, clusterCommands: [...state.clusterCommands, command] }
}

export function setMaintenance(
  state: ClusterState,
  nodeUid: string,
  isRequested: boolean,
): ClusterState {
  const node = nodeOf(state, nodeUid)
  return withNode(state, { ...node, view: { ...node.view, maintenanceRequested: isRequested } })
}

/**
 * Takes a node off the roster: what names its row then names nobody, and its lease epoch ends. Bumps the round, so it is
 * not to be called while a round is under way.
 */
export function removeNode(state: ClusterState, nodeUid: string): ClusterState {
  const node = nodeOf(state, nodeUid)
  const services = Object.entries(state.services).map(([sid, service]) => {
    const { status } = service
    if (status?.node !== node.view.name) return [sid, service]
    return [sid, { ...service, status: { ...status, node: null } }]
  })
  const { lease } = node.view
  const ended = { ...lease, epoch: lease.epoch + 1, bootId: null, armed: false, guarded: null }
  const removed = withNode(state, {
    ...node,
    isRemoved: true,
    view: { ...node.view, lease: ended },
  })
  return {
    ...removed,
    round: state.round + 1,
    services: Object.fromEntries(services) as ClusterState['services'],
  }
}

export function putGroup(state: ClusterState, group: GroupView): ClusterState {
  return { ...state, groups: { ...state.groups, [group.name]: group } }
}

export function deleteGroup(state: ClusterState, name: string): ClusterState {
  const { [name]: _, ...groups } = state.groups
  return { ...state, groups }
}

export function putRules(state: ClusterState, rules: Rule[]): ClusterState {
  return { ...state, rules }
}

/** The longest lease ever allowed only grows. */
export function storeSettings(state: ClusterState, settings: Settings): ClusterState {
  const longestLeaseMs = Math.max(state.longestLeaseMs, settings.timing.leaseMs)
  const { settingsVersion } = state.operators
  return withColumns(
    { ...state, settings, longestLeaseMs },
    { settingsVersion: settingsVersion + 1 },
  )
}

/** Every lease counts as renewed (rule 1): held until then at least. */
export function countLeasesAsRenewed(state: ClusterState, untilMs: number): ClusterState {
  const nodes = Object.entries(state.nodes).map(([uid, node]) => [uid, heldUntil(node, untilMs)])
  return { ...state, nodes: Object.fromEntries(nodes) as ClusterState['nodes'] }
}

export function addToken(state: ClusterState, token: StoredToken): ClusterState {
  return { ...state, tokens: [...state.tokens, token] }
}
