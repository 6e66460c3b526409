// Writes of a recording that our intake would refuse are rows all the same: states that only history can bring about. What
// a recording asks of the cluster itself goes through the routes, as everything does elsewhere.
import type { z } from 'zod'
import type {
  CommandKind,
  GroupView,
  ServiceConfig,
  Sid,
} from '../../control-plane/cluster/view.ts'
import { requestedBy } from '../../control-plane/intake/operation-wish.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import * as rows from '../../control-plane/store/memory/wishes.ts'
import { ServiceCreate, type ServiceUpdate } from '../../shared/operator-api.ts'
import type { Rule } from '../../shared/rule.ts'
import { withDomain } from '../sim/domain.ts'
import type { World } from '../sim/world.ts'

const clusterId = 1

type ServiceInput = z.input<typeof ServiceCreate>

function write({ database }: World, change: (state: ClusterState) => ClusterState): void {
  const tells = { rings: ['crm' as const] }
  if (!database.isAnswering) return
  database.memory.commit(clusterId, (state) => ({ state: change(state), result: undefined }), tells)
}

/** @param node where it is already */
export function writeService(
  world: World,
  wish: Omit<ServiceInput, 'spec'> & { spec: object },
  node: string,
): void {
  const all = { ...wish, spec: withDomain(wish.sid, wish.spec) }
  const parsed = ServiceCreate.safeParse(all)
  const { sid, comment: _, ...given } = (parsed.data ?? all) as ServiceCreate
  write(world, (state) => rows.putService(state, sid, { ...given, node }))
}

export function writeUpdate(world: World, sid: Sid, wish: ServiceUpdate): void {
  write(world, (state) => {
    const { version: _, ...now } = state.services[sid]!.config as ServiceConfig
    return rows.putService(state, sid, { ...now, ...wish } as Omit<ServiceConfig, 'version'>)
  })
}

export function writeCommand(
  world: World,
  kind: CommandKind,
  sid: Sid,
  { node = null, stopTimeoutMs = null }: { node?: string | null; stopTimeoutMs?: number | null },
): void {
  const uid = world.chance.stream(`command ${world.nowMs} ${kind} ${sid}`).uuid()
  write(world, (state) => {
    const requested = kind === 'remove' ? null : requestedBy[kind]
    let next = kind === 'remove' ? rows.deleteService(state, sid) : state
    if (requested) next = rows.setRequested(next, sid, requested)
    const command = { uid, kind, sid, node, stopTimeoutMs, status: 'pending' as const, reason: '' }
    return rows.addCommand(next, command)
  })
}

export function writeGroup(world: World, group: GroupView): void {
  write(world, (state) => rows.putGroup(state, group))
}

export function writeRule(world: World, rule: Rule): void {
  write(world, (state) => rows.putRules(state, [...state.rules, rule]))
}
