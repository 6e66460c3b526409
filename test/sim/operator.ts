// The operators of a world: each wish goes through the intake, as at the API, and becomes rows of the memory store.
// A refusal is an answer; what is accepted rings the CRM.
import type { z } from 'zod'
import type { MachineIdentity } from '../../shared/machine-identity.ts'
import type { Rule } from '../../shared/rule.ts'
import { ServiceCreate, ServiceUpdate, type SettingsUpdate } from '../../shared/operator-api.ts'
import type {
  ClusterCommandView,
  ClusterView,
  CommandKind,
  GroupView,
  ServiceConfig,
  Sid,
} from '../../control-plane/cluster/view.ts'
import {
  refuseGroupCreate,
  refuseGroupDelete,
  refuseGroupUpdate,
} from '../../control-plane/intake/group-wish.ts'
import {
  refuseArm,
  refuseDisarm,
  refuseMaintenance,
} from '../../control-plane/intake/cluster-wish.ts'
import { strandedWithout } from '../../control-plane/crm/what-if/n-minus-one.ts'
import { refuseDrill } from '../../control-plane/intake/drill-wish.ts'
import { refuseNodeRemoval } from '../../control-plane/intake/node-wish.ts'
import { refuseOperation, requestedBy } from '../../control-plane/intake/operation-wish.ts'
import { isRefusal, type Refusal, refuse } from '../../control-plane/intake/refusal.ts'
import { createRule, deleteRule } from '../../control-plane/intake/rule-wish.ts'
import {
  refuseServiceCreate,
  refuseServiceUpdate,
} from '../../control-plane/intake/service-wish.ts'
import { mergeSettings, refuseSettings } from '../../control-plane/intake/settings-wish.ts'
import { confirmDead } from '../../control-plane/store/memory/confirm-dead.ts'
import { putFenceDevice } from '../../control-plane/store/memory/fence.ts'
import { readCluster } from '../../control-plane/store/memory/read.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import * as rows from '../../control-plane/store/memory/wishes.ts'
import type { SimDatabase } from './database.ts'
import { withDomain } from './domain.ts'
import type { Chance } from './random.ts'

/** `unavailable`: the database does not answer now; nothing was written. */
export type Answer = { accepted: true; uid?: string } | { accepted: false; refusal: string }

type Write = (state: ClusterState, nowMs: number) => ClusterState

export class Operator {
  private readonly database: SimDatabase
  private readonly clusterId: number
  private readonly chance: Chance
  private readonly ring: () => void
  /** Wishes that the intake would refuse are written all the same: for states that only history can bring about. */
  skipIntake = false

  constructor(parts: {
    database: SimDatabase
    clusterId: number
    chance: Chance
    ring: () => void
  }) {
    this.database = parts.database
    this.clusterId = parts.clusterId
    this.chance = parts.chance
    this.ring = parts.ring
  }

  /** The cluster as an operator sees it now. */
  view(): ClusterView {
    const { memory } = this.database
    return readCluster(memory.cluster(this.clusterId), memory.server, memory.now()).view
  }

  /** @param node where it is already, as far as the operator knows */
  add(wish: z.input<typeof ServiceCreate>, node: string | null = null): Answer {
    const parsed = ServiceCreate.safeParse({ ...wish, spec: withDomain(wish.sid, wish.spec) })
    if (!parsed.success && !this.skipIntake) return refused(parsed.error.issues[0]!.message)
    const { sid, comment: _, ...given } = (parsed.data ?? wish) as z.infer<typeof ServiceCreate>
    const config = { ...given, node }
    return this.write(
      (view) => refuseServiceCreate(view, { ...given, sid, comment: '' }),
      (state) => rows.putService(state, sid, config),
    )
  }

  update(sid: Sid, wish: z.input<typeof ServiceUpdate>): Answer {
    const parsed = ServiceUpdate.safeParse(wish)
    if (!parsed.success) return refused(parsed.error.issues[0]!.message)
    const given = Object.entries(parsed.data).filter(([, value]) => value !== undefined)
    return this.write(
      (view) => refuseServiceUpdate(view, sid, parsed.data),
      (state) => {
        const { version: _, ...now } = state.services[sid]!.config as ServiceConfig
        return rows.putService(state, sid, { ...now, ...Object.fromEntries(given) })
      },
    )
  }

  /** enable, disable, start, stop, restart, migrate, relocate or remove: a command that the CRM finishes. */
  command(
    kind: CommandKind,
    sid: Sid,
    node: string | null = null,
    stopTimeoutMs: number | null = null,
  ): Answer {
    const uid = this.chance.uuid()
    const answer = this.write(
      (view) => refuseOperation(view, { kind, sid, node, later: false }),
      (state) => {
        const command = { uid, kind, sid, node, stopTimeoutMs, status: 'pending' as const }
        const requested = kind === 'remove' ? null : requestedBy[kind]
        let next = kind === 'remove' ? rows.deleteService(state, sid) : state
        if (requested) next = rows.setRequested(next, sid, requested)
        return rows.addCommand(next, { ...command, reason: '' })
      },
    )
    return answer.accepted ? { ...answer, uid } : answer
  }

  maintenance(node: string, isRequested: boolean): Answer {
    const kind = isRequested ? 'maintenance-on' : 'maintenance-off'
    return this.clusterCommand(
      { kind, node, mode: null },
      (view) => refuseMaintenance(view, node, isRequested),
      (state) => rows.setMaintenance(state, uidOf(state, node), isRequested),
    )
  }

  drill(node: string): Answer {
    const refuse = (view: ClusterView) => refuseDrill(view, node, strandedWithout)
    return this.clusterCommand({ kind: 'drill', node, mode: null }, refuse, same)
  }

  disarm(mode: 'freeze' | 'ignore'): Answer {
    return this.clusterCommand({ kind: 'disarm', node: null, mode }, refuseDisarm, same)
  }

  arm(): Answer {
    return this.clusterCommand({ kind: 'arm', node: null, mode: null }, refuseArm, same)
  }

  private clusterCommand(
    what: Pick<ClusterCommandView, 'kind' | 'node' | 'mode'>,
    refuse: (view: ClusterView) => Refusal | null,
    change: Write,
  ): Answer {
    const uid = this.chance.uuid()
    const command = { ...what, uid, status: 'pending' as const, reason: '' }
    const answer = this.write(refuse, (state, nowMs) =>
      rows.addClusterCommand(change(state, nowMs), { ...command, createdMs: nowMs }),
    )
    return answer.accepted ? { ...answer, uid } : answer
  }

  removeNode(node: string): Answer {
    // It takes the row of the round.
    if (this.database.memory.isElected(this.clusterId)) return refused('busy')
    return this.write(
      (view) => refuseNodeRemoval(view, node),
      (state) => rows.removeNode(state, uidOf(state, node)),
    )
  }

  /** Vouches for the death of a node, as a person who has seen it. */
  confirmDead(node: string, force = false): Answer {
    const { memory, isAnswering } = this.database
    if (!isAnswering || memory.isElected(this.clusterId)) return refused('unavailable')
    const { silentMs } = this.view().settings.timing
    const wish = { clusterId: this.clusterId, node, actor: 'operator', force, silentMs }
    const answer = memory.commit(this.clusterId, (state, { nowMs }) => {
      const done = confirmDead(state, wish, nowMs)
      return { state: done.state, result: done.answer }
    })
    if (isRefusal(answer)) return refused(answer.code)
    this.ring()
    return { accepted: true }
  }

  /** Sets up a fence device of a node, or the one of that name anew. */
  fenceDevice(node: string, name: string, expects: MachineIdentity): Answer {
    const device = { name, kind: 'simulated', expects, uid: this.chance.uuid() }
    return this.write(
      (view) => (view.nodes[node] ? null : refuse('unknown-node', `no node ${node}`)),
      (state) => putFenceDevice(state, uidOf(state, node), device),
    )
  }

  group(group: GroupView): Answer {
    return this.write(
      (view) =>
        view.groups[group.name] ? refuseGroupUpdate(view, group) : refuseGroupCreate(view, group),
      (state) => rows.putGroup(state, group),
    )
  }

  removeGroup(name: string): Answer {
    return this.write(
      (view) => refuseGroupDelete(view, name),
      (state) => rows.deleteGroup(state, name),
    )
  }

  rule(rule: Rule): Answer {
    return this.write(
      (view) => refusalIn(createRule(view, rule)),
      (state) => rows.putRules(state, [...state.rules, rule]),
    )
  }

  removeRule(id: string): Answer {
    return this.write(
      (view) => refusalIn(deleteRule(view, id)),
      (state) =>
        rows.putRules(
          state,
          state.rules.filter((rule) => rule.id !== id),
        ),
    )
  }

  settings(wish: z.infer<typeof SettingsUpdate>): Answer {
    const next = mergeSettings(this.view().settings, wish)
    return this.write(
      (view) => refuseSettings(view, next),
      (state, nowMs) => rows.putSettings(state, next, nowMs),
    )
  }

  private write(refuse: (view: ClusterView) => Refusal | null, change: Write): Answer {
    const { database } = this
    if (!database.isAnswering) return refused('unavailable')
    const refusal = this.skipIntake ? null : refuse(this.view())
    if (refusal) return refused(refusal.code)
    database.memory.commit(this.clusterId, (state, { nowMs }) => ({
      state: change(state, nowMs),
      result: undefined,
    }))
    this.ring()
    return { accepted: true }
  }
}

const same: Write = (state) => state

function refused(refusal: string): Answer {
  return { accepted: false, refusal }
}

function refusalIn(value: unknown): Refusal | null {
  return isRefusal(value) ? value : null
}

function uidOf(state: ClusterState, name: string): string {
  const node = Object.values(state.nodes).find((one) => one.view.name === name && !one.isRemoved)
  if (!node) throw new Error(`no node ${name}`)
  return node.view.uid
}
