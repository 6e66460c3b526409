// Operators' rows of services, groups, rules and commands in the memory store: the statements of http/records, each under
// its name there. Judged by the intake before; nothing is refused here.
import type {
  CommandBody,
  GroupBody,
  ServiceConfigBody,
  ServiceCreate,
  ServiceUpdate,
} from '../../../shared/operator-api.ts'
import type { Rule } from '../../../shared/rule.ts'
import type { OperatorRows } from '../../http/operator-store.ts'
import type { Group } from '../../http/records/groups.ts'
import { iso } from '../../http/records/iso.ts'
import type { StoredRule } from '../../http/records/rules.ts'
import type { ClusterCommandKind, CommandKind } from '../../cluster/view.ts'
import type { Patch } from './database.ts'
import { noteCommand, withColumns, without } from './operator-columns.ts'
import type { ClusterState, FinishedCommand } from './state.ts'
import * as wishes from './wishes.ts'

/** How rows reach a cluster: each for itself, or within a transaction. */
export type Reach = {
  read: <T>(clusterId: number, look: (state: ClusterState) => T) => Promise<T>
  /** @param rows nodes whose leases nobody else may write until the transaction ends */
  write: <T>(clusterId: number, patch: Patch<T>, rows?: string[]) => Promise<T>
}

const inOrder = <T>(rows: T[], key: (row: T) => string) =>
  rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))

type ServiceRows = Pick<
  OperatorRows,
  | 'listServices'
  | 'findService'
  | 'insertService'
  | 'insertServices'
  | 'updateService'
  | 'setRequested'
  | 'deleteService'
>

export function serviceRows({ read, write }: Reach): ServiceRows {
  const put = (clusterId: number, all: readonly Omit<ServiceConfigBody, 'version'>[]) =>
    write(clusterId, (state) => {
      const next = all.reduce(putService, state)
      return { state: next, result: all.map(({ sid }) => serviceBody(next, sid)!) }
    })
  return {
    listServices: (id) =>
      read(id, (state) => {
        const all = Object.keys(state.services).flatMap((sid) => serviceBody(state, sid) ?? [])
        return inOrder(all, ({ sid }) => sid)
      }),
    findService: (id, sid) => read(id, (state) => serviceBody(state, sid)),
    insertService: async (id, wish) => (await put(id, [wish]))[0]!,
    insertServices: (id, all) => put(id, all as ServiceCreate[]),
    updateService: async (id, now, wish) =>
      (await put(id, [{ ...now, ...withoutUndefined(wish) }]))[0]!,
    setRequested: (id, sid, requested) =>
      write(id, (state) => done(wishes.setRequested(state, sid, requested))),
    deleteService: (id, sid) =>
      write(id, (state) => {
        const comments = without(state.operators.comments, sid)
        return done(withColumns(wishes.deleteService(state, sid), { comments }))
      }),
  }
}

function putService(
  state: ClusterState,
  { sid, comment, ...config }: Omit<ServiceConfigBody, 'version'>,
): ClusterState {
  const comments = { ...state.operators.comments, [sid]: comment }
  return withColumns(wishes.putService(state, sid, config), { comments })
}

function serviceBody(state: ClusterState, sid: string): ServiceConfigBody | null {
  const config = state.services[sid]?.config
  if (!config) return null
  const { adoptedFrom = null, adoptedAfter: _, ...body } = config
  return { sid, ...body, adoptedFrom, comment: state.operators.comments[sid] ?? '' }
}

type GroupRows = Pick<
  OperatorRows,
  'listGroups' | 'findGroup' | 'insertGroup' | 'updateGroup' | 'deleteGroup'
>

export function groupRows({ read, write }: Reach): GroupRows {
  const put = (clusterId: number, { comment, ...group }: Group) =>
    write(clusterId, (state) => {
      const known = groupBody(state, group.name)
      const version = known ? known.version + 1 : 1
      const groups = { ...state.operators.groups, [group.name]: { comment, version } }
      const next = withColumns(wishes.putGroup(state, group), { groups })
      return { state: next, result: groupBody(next, group.name)! }
    })
  return {
    listGroups: (id) =>
      read(id, (state) => {
        const all = Object.keys(state.groups).map((name) => groupBody(state, name)!)
        return inOrder(all, ({ name }) => name)
      }),
    findGroup: (id, name) => read(id, (state) => groupBody(state, name)),
    insertGroup: put,
    updateGroup: put,
    deleteGroup: (id, name) =>
      write(id, (state) => {
        const groups = without(state.operators.groups, name)
        return done(withColumns(wishes.deleteGroup(state, name), { groups }))
      }),
  }
}

function groupBody(state: ClusterState, name: string): GroupBody | null {
  const group = state.groups[name]
  const { comment = '', version = 1 } = state.operators.groups[name] ?? {}
  if (!group) return null
  const { nodes, restricted, nofailback } = group
  return { name, nodes, restricted, nofailback, comment, version }
}

type RuleRows = Pick<
  OperatorRows,
  'listRules' | 'findRule' | 'insertRules' | 'updateRule' | 'deleteRule' | 'replaceRules'
>

export function ruleRows({ read, write }: Reach): RuleRows {
  const find = (state: ClusterState, id: string) =>
    storedRules(state).find(({ rule }) => rule.id === id) ?? null
  return {
    listRules: (id) => read(id, storedRules),
    findRule: (id, rule) => read(id, (state) => find(state, rule)),
    insertRules: (id, added) =>
      write(id, (state) => {
        const stored = storedRules(state)
        const last = Math.max(0, ...stored.map(({ order }) => order))
        const fresh = added.map((rule, at) => ({ rule, order: last + at + 1, version: 1 }))
        return { state: withRules(state, [...stored, ...fresh]), result: fresh }
      }),
    updateRule: (id, rule) =>
      write(id, (state) => {
        const next = replaced(state, rule)
        return { state: next, result: find(next, rule.id)! }
      }),
    deleteRule: (id, rule) => write(id, (state) => done(removed(state, rule))),
    replaceRules: (id, now, next) =>
      write(id, (state) => {
        const kept = new Map(next.map((rule) => [rule.id, rule]))
        return done(
          now.reduce((all, before) => {
            const after = kept.get(before.id)
            if (after === undefined) return removed(all, before.id)
            return after === before ? all : replaced(all, after)
          }, state),
        )
      }),
  }
}

function storedRules(state: ClusterState): StoredRule[] {
  return state.rules.map((rule, at) => {
    const { order = at + 1, version = 1 } = state.operators.rules[rule.id] ?? {}
    return { rule, order, version }
  })
}

function withRules(state: ClusterState, stored: StoredRule[]): ClusterState {
  const columns = stored.map(({ rule, order, version }) => [rule.id, { order, version }])
  const rules = stored.map(({ rule }) => rule)
  return withColumns(wishes.putRules(state, rules), { rules: Object.fromEntries(columns) })
}

function replaced(state: ClusterState, rule: Rule): ClusterState {
  return withRules(
    state,
    storedRules(state).map((one) =>
      one.rule.id === rule.id ? { ...one, rule, version: one.version + 1 } : one,
    ),
  )
}

function removed(state: ClusterState, id: string): ClusterState {
  return withRules(
    state,
    storedRules(state).filter(({ rule }) => rule.id !== id),
  )
}

type CommandRows = Pick<OperatorRows, 'insertCommand' | 'findCommand' | 'listCommands'>

export function commandRows({ read, write }: Reach): CommandRows {
  return {
    insertCommand: ({ uid, clusterId, kind, sid, node, arguments: given, actor }) =>
      write(clusterId, (state, { nowMs }) => {
        const common = { uid, node, status: 'pending' as const, reason: '' }
        const { stopTimeoutMs = null, mode = null } = given as {
          stopTimeoutMs?: number
          mode?: 'freeze'
        }
        const added =
          sid === null
            ? wishes.addClusterCommand(state, {
                ...{ ...common, kind: kind as ClusterCommandKind, mode, createdMs: nowMs },
              })
            : wishes.addCommand(state, { ...common, kind: kind as CommandKind, sid, stopTimeoutMs })
        const next = noteCommand(added, uid, { actor, createdMs: nowMs })
        return { state: next, result: commandBodies(next).find((one) => one.uid === uid)! }
      }),
    findCommand: (id, uid) =>
      read(id, (state) => commandBodies(state).find((one) => one.uid === uid) ?? null),
    listCommands: (id, { sid, open, limit }) =>
      read(id, (state) => {
        const asked = commandBodies(state).filter(
          (one) => (sid === null || one.sid === sid) && !(open && one.finishedAt !== null),
        )
        const newest = inOrder(asked, ({ uid }) => uid).sort(
          (a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt),
        )
        return newest.slice(0, limit)
      }),
  }
}

function commandBodies({ commands, clusterCommands, finished, operators }: ClusterState) {
  return [...commands, ...clusterCommands, ...finished].map((command): CommandBody => {
    const { uid, kind, node, status, reason } = command
    const { actor = '', createdMs = 0 } = operators.commands[uid] ?? {}
    const { finishedMs = null } = command as Partial<FinishedCommand>
    return {
      ...{ uid, kind, sid: 'sid' in command ? command.sid : null, node, status, reason, actor },
      createdAt: iso(new Date(createdMs)),
      finishedAt: finishedMs === null ? null : iso(new Date(finishedMs)),
    }
  })
}

function done(state: ClusterState): { state: ClusterState; result: void } {
  return { state, result: undefined }
}

function withoutUndefined(wish: ServiceUpdate): Partial<ServiceConfigBody> {
  const given = Object.entries(wish).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Partial<ServiceConfigBody>
}
