// The only ways a cluster may change, and the one sentence each of them prints. Log, timeline, trace and `why`
// all speak these lines. Must stay a closed union of plain data: the store and the simulator apply it alike.
import type { ServiceGeneration } from '../../shared/protocol.ts'
import type { NodeState } from '../../shared/node.ts'
import type { LastEnd } from '../../shared/node-health.ts'
import type { ServiceState } from '../../shared/service.ts'
import type { CommandStatus, DisarmView, NodeName, ServiceStatus, Sid } from './view.ts'

export type EvidenceKind =
  | 'watchdog-deadline'
  | 'device-off'
  | 'new-boot'
  | 'operator'
  | 'agent-stopped'
  | 'never-confirmed'

export type Change =
  | { kind: 'node.state'; node: NodeName; from: NodeState; to: NodeState; why: string }
  /**
   * The node's lease epoch ends: nobody renews it any more. `expired`: only if the deadline has passed by the database's
   * clock at that moment. `silent`: before that, for a fence device to switch it off, and only if it is still silent then.
   * `asked`: the node itself asked for a new epoch. `operator`: a person confirmed its death.
   */
  | {
      kind: 'lease.revoked'
      node: NodeName
      epoch: number
      mode: 'expired' | 'silent' | 'asked' | 'operator'
      why: string
    }
  /** The epoch allotted by the last revocation may be renewed by `bootId`. `adopts`: open grants re-issued under it. */
  | {
      kind: 'lease.opened'
      node: NodeName
      epoch: number
      bootId: string
      adopts: ServiceGeneration[]
      why: string
    }
  /** Its fence devices are to switch it off, for the sake of a revoked epoch. Results name `uid`. */
  | {
      kind: 'fence.ordered'
      node: NodeName
      epoch: number
      attempt: number
      uid: string
      why: string
    }
  | {
      kind: 'node.challenged'
      node: NodeName
      epoch: number
      bootId: string
      nonce: string
      questions: ServiceGeneration[]
      why: string
    }
  /** How its last life ended, as its agent told when it was there again. Each end is told of once. */
  | { kind: 'node.ended'; node: NodeName; end: LastEnd['uid']; how: LastEnd['kind']; why: string }
  /** Node scope closes every open holder of (node, epoch); service scope only that service's, of that generation. */
  | {
      kind: 'evidence.recorded'
      evidence: EvidenceKind
      node: NodeName
      epoch: number
      scope: ServiceGeneration | null
      facts: Record<string, unknown>
      why: string
    }
  | {
      kind: 'grant.opened'
      sid: Sid
      generation: number
      node: NodeName
      epoch: number
      why: string
    }
  /**
   * The node runs it already: a grant with a confirmed holder makes that right. Under a generation of a lost history it
   * keeps its number (rule 9), in a quarantine too: what runs, runs on. `foundAs`: it bears another number, which the new
   * grant stands for (rule 7, D8).
   */
  | {
      kind: 'grant.adopted'
      sid: Sid
      generation: number
      foundAs?: number
      node: NodeName
      epoch: number
      why: string
    }
  /**
   * A live move names its target as second holder before it begins. Its half gets a number of its own: what was ended on a
   * node, or is said of it late, is never about a later move to it.
   */
  | {
      kind: 'grant.shared'
      sid: Sid
      generation: number
      node: NodeName
      epoch: number
      why: string
    }
  | { kind: 'service.added'; sid: Sid; status: ServiceStatus; why: string }
  | {
      kind: 'service.state'
      sid: Sid
      from: ServiceState
      to: ServiceState
      /** Fields that change with it; `state`, `sinceMs` and `note` are set by the reducer. */
      set: Partial<Omit<ServiceStatus, 'state' | 'sinceMs' | 'note'>>
      why: string
    }
  /** Same state, other fields: a new order uid, a confirmed start, a failed node. */
  | {
      kind: 'service.changed'
      sid: Sid
      set: Partial<Omit<ServiceStatus, 'state' | 'sinceMs' | 'note'>>
      why: string
    }
  /** The CRM forgets it. Its open grant, if any, stays open. */
  | { kind: 'service.dropped'; sid: Sid; why: string }
  /** `sid` null: a command about a node or the cluster. */
  | {
      kind: 'command.status'
      command: string
      sid: Sid | null
      node?: NodeName
      to: CommandStatus
      why: string
    }
  | { kind: 'quorum.changed'; quorate: boolean; why: string }
  | { kind: 'outage.over'; sinceMs: number | null; why: string }
  | { kind: 'quarantine.ended'; why: string }
  /** null: armed again. */
  | { kind: 'disarm.changed'; disarm: DisarmView | null; why: string }
  | { kind: 'imbalance.changed'; sinceMs: number | null; why: string }

/** One line for one change; the same everywhere. */
export function formatChange(change: Change): string {
  return `${subject(change)}: ${what(change)} (${change.why})`
}

/** Who a change is about: a service, a node or the cluster. */
export function subject(change: Change): string {
  if ('sid' in change && change.sid !== null) return change.sid
  if (change.kind === 'evidence.recorded' && change.scope) return change.scope.sid
  if ('node' in change && change.node) return `node ${change.node}`
  return 'cluster'
}

function what(change: Change): string {
  switch (change.kind) {
    case 'node.state':
      return `${change.from} → ${change.to}`
    case 'lease.revoked':
      return `lease epoch ${change.epoch} revoked`
    case 'lease.opened':
      return `lease epoch ${change.epoch} opened${change.adopts.length ? `, adopts ${change.adopts.map((a) => a.sid).join(' ')}` : ''}`
    case 'fence.ordered':
      return `is to be switched off for lease epoch ${change.epoch}, attempt ${change.attempt}`
    case 'node.challenged':
      return `asked what it runs before it gets lease epoch ${change.epoch}`
    case 'node.ended':
      return `is there again after ${endWords[change.how]}`
    case 'evidence.recorded':
      return change.scope
        ? `evidence ${change.evidence} for generation ${change.scope.generation} on ${change.node}`
        : `evidence ${change.evidence} for lease epoch ${change.epoch}`
    case 'grant.opened':
      return `grant ${change.generation} opened on ${change.node}`
    case 'grant.adopted':
      return `grant ${change.generation} adopted on ${change.node}${
        change.foundAs === undefined ? '' : `, where it runs as generation ${change.foundAs}`
      }`
    case 'grant.shared':
      return `grant shared with ${change.node} as ${change.generation}`
    case 'service.added':
      return `added as ${change.status.state}${change.status.node ? ` on ${change.status.node}` : ''}`
    case 'service.state':
      return `${change.from} → ${change.to}${place(change.set)}`
    case 'service.changed':
      return `changed${place(change.set)}`
    case 'service.dropped':
      return 'no longer managed'
    case 'command.status':
      return `command ${change.to}`
    case 'quorum.changed':
      return change.quorate ? 'quorate' : 'not quorate'
    case 'outage.over':
      return change.sinceMs === null ? 'placement has settled' : 'nodes renew again'
    case 'quarantine.ended':
      return 'quarantine ended'
    case 'disarm.changed':
      return disarmText(change.disarm)
    case 'imbalance.changed':
      return change.sinceMs === null ? 'balanced' : 'imbalanced'
  }
}

const endWords: Record<LastEnd['kind'], string> = {
  'watchdog-reset': 'its watchdog reset it',
  crashed: 'it ended without a shutdown',
  'shut-down': 'it was shut down',
  'agent-died': 'its agent died',
}

function disarmText(disarm: DisarmView | null): string {
  if (disarm === null) return 'armed'
  const waits = disarm.effectiveMs === null ? ', after what is under way' : ''
  return `${disarm.state}${waits}, mode ${disarm.mode}`
}

function place(set: Partial<ServiceStatus>): string {
  if (set.target) return `${set.node ? ` on ${set.node}` : ''} to ${set.target}`
  return set.node ? ` on ${set.node}` : ''
}
