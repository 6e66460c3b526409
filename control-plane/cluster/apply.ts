// The one reducer: what each `Change` does to a ClusterView. The store saves exactly the difference it makes.
// Must never mutate its input, decide anything, or let an illegal change through: each case asserts its premises.
import { assert } from '../../shared/assert.ts'
import type { Change } from './change.ts'
import { advance } from './apply-commands.ts'
import { orderFence } from './apply-fence.ts'
import {
  challengeNode,
  type Holding,
  keep,
  nodeOf,
  openLease,
  recordEvidence,
  revokeLease,
} from './apply-lease.ts'
import { hasCurrentLease, holderOn, isUnknownGeneration } from './grants.ts'
import { assertLegalEdge, nodeEdges, serviceEdges } from './legal-edges.ts'
import type { Plan } from './plan.ts'
import { finishWorkingView, setNode, startWorkingView, type WorkingView } from './working-view.ts'
import type { ClusterView, NodeName, NodeView, ServiceStatus, ServiceView, Sid } from './view.ts'

export { nextLeaseEpoch } from './grants.ts'

/** The view after `changes`, in order. */
export function applyChanges(view: ClusterView, changes: readonly Change[]): ClusterView {
  return finishWorkingView(workingAfter(view, changes))
}

/** The view after one change. */
export function applyChange(view: ClusterView, change: Change): ClusterView {
  return applyChanges(view, [change])
}

/** The view after a whole plan: its changes, then its notes. */
export function applyPlan(view: ClusterView, plan: Plan): ClusterView {
  const working = workingAfter(view, plan.changes)
  for (const [sid, note] of Object.entries(plan.serviceNotes)) {
    const service = working.services.get(sid)
    if (service?.status)
      working.services.set(sid, { ...service, status: { ...service.status, note } })
  }
  for (const [name, note] of Object.entries(plan.nodeNotes)) {
    const node = working.nodes[name]
    if (node) setNode(working, { ...node, note })
  }
  for (const [name, waitsFor] of Object.entries(plan.challengeNotes)) {
    const node = working.nodes[name]
    if (node?.challenge) setNode(working, { ...node, challenge: { ...node.challenge, waitsFor } })
  }
  return finishWorkingView(working)
}

function workingAfter(view: ClusterView, changes: readonly Change[]): WorkingView {
  const working = startWorkingView(view)
  let held: ReadonlyMap<NodeName, readonly Sid[]> | null = null
  for (const change of changes)
    applyToWorkingView(working, change, () => {
      held ??= sidsByHolder(view)
      const before = 'node' in change ? (held.get(change.node) ?? []) : []
      return [...before, ...working.services.changed()]
    })
  return working
}

/** The services that each node holds: for many changes one look at all of them. */
function sidsByHolder({ services }: ClusterView): Map<NodeName, Sid[]> {
  const held = new Map<NodeName, Sid[]>()
  for (const sid in services)
    for (const { node } of services[sid]!.grant?.holders ?? []) {
      const known = held.get(node)
      if (known) known.push(sid)
      else held.set(node, [sid])
    }
  return held
}

/**
 * Applies one change to a view made by `startWorkingView`, replacing the records it touches.
 * @param holding of the node of the change: all that it may hold, as things stand
 */
export function applyToWorkingView(view: WorkingView, change: Change, holding: Holding): void {
  switch (change.kind) {
    case 'node.state': {
      const node = nodeOf(view, change.node)
      assert(node.state === change.from, `node ${node.name} is ${node.state}, not ${change.from}`)
      assertLegalEdge(nodeEdges, `node ${node.name}`, change.from, change.to)
      setNode(view, { ...node, state: change.to, sinceMs: view.nowMs })
      return
    }
    case 'lease.revoked':
      return revokeLease(view, change, holding)
    case 'lease.opened':
      return openLease(view, change, holding)
    case 'fence.ordered':
      return orderFence(view, change)
    case 'node.challenged':
      return challengeNode(view, change)
    case 'node.ended':
      setNode(view, { ...nodeOf(view, change.node), toldEnd: change.end })
      return
    case 'evidence.recorded':
      return recordEvidence(view, change, holding)
    case 'grant.opened':
    case 'grant.shared':
      return grant(view, change)
    case 'grant.adopted':
      return adoptGrant(view, change)
    case 'service.added':
    case 'service.state':
    case 'service.changed':
    case 'service.dropped':
      return changeService(view, change)
    case 'command.status':
      view.commands = advance(view.commands, change)
      view.clusterCommands = advance(view.clusterCommands, change)
      return
    case 'quorum.changed':
      view.quorate = change.quorate
      return
    case 'outage.over':
      view.quietSinceMs = change.sinceMs
      return
    case 'quarantine.ended':
      view.planeEpoch = { ...view.planeEpoch, quarantineUntilMs: null }
      return
    case 'disarm.changed':
      view.disarm = change.disarm
      return
    case 'imbalance.changed':
      view.imbalancedSinceMs = change.sinceMs
  }
}

function grant(
  view: WorkingView,
  change: Change & { kind: 'grant.opened' | 'grant.shared' },
): void {
  const { sid, generation, epoch } = change
  const service = serviceOf(view, sid)
  const node = nodeOf(view, change.node)
  // SAFETY: no grant without a lease that is current, and none in a quarantine (rules 9 and 12).
  assertCurrentLease(view, node, epoch)
  assert(view.planeEpoch.quarantineUntilMs === null, `${sid}: no grant in a quarantine`)
  // SAFETY: numbers are never used twice (rule 8).
  assert(generation === view.nextGeneration, `generation ${generation} is not the next one`)
  view.nextGeneration = generation + 1
  const holder = { node: node.name, epoch, confirmed: false }
  const known = { ...service, everGranted: true, lastGeneration: generation }
  if (change.kind === 'grant.shared') {
    const { grant } = service
    // SAFETY: a second holder, on another node, and never a third (rule 7).
    assert(
      grant?.holders.length === 1 && holderOn(grant, node.name) === undefined,
      `${sid}: its grant cannot be shared with ${node.name}`,
    )
    const holders = [...grant.holders, { ...holder, generation }]
    view.services.set(sid, { ...known, grant: { ...grant, holders } })
    return
  }
  // SAFETY: one open grant a service (rule 7).
  assert(service.grant === null, `${sid} has an open grant already`)
  view.services.set(sid, { ...known, grant: { generation, holders: [holder] } })
}

/**
 * What runs is granted as it runs. SAFETY: only a number that was never opened here, nor can be again (rule 8), or the
 * next one, for which the number that the copy bears then stands.
 */
function adoptGrant(view: WorkingView, change: Change & { kind: 'grant.adopted' }): void {
  const { sid, generation, epoch, foundAs } = change
  const service = serviceOf(view, sid)
  const node = nodeOf(view, change.node)
  assertCurrentLease(view, node, epoch)
  assert(service.grant === null, `${sid} has an open grant already`)
  if (foundAs === undefined)
    assert(
      isUnknownGeneration(service, generation) && generation < view.nextGeneration,
      `generation ${generation} of ${sid} is none of a lost history`,
    )
  else {
    assert(generation === view.nextGeneration, `generation ${generation} is not the next one`)
    view.nextGeneration = generation + 1
  }
  const grant = { generation, holders: [{ node: node.name, epoch, confirmed: true }] }
  view.services.set(sid, { ...service, everGranted: true, lastGeneration: generation, grant })
}

function assertCurrentLease(view: WorkingView, node: NodeView, epoch: number): void {
  assert(
    node.lease.epoch === epoch && hasCurrentLease(node, view.nowMs),
    `node ${node.name} has no current lease of epoch ${epoch}`,
  )
}

type ServiceChange = Extract<Change, { kind: `service.${string}` }>

function changeService(view: WorkingView, change: ServiceChange): void {
  const service = serviceOf(view, change.sid)
  switch (change.kind) {
    case 'service.added':
      assert(service.config !== null && service.status === null, `${change.sid} is not new`)
      view.services.set(change.sid, { ...service, status: change.status })
      return
    case 'service.state': {
      const status = statusOf(service)
      assert(status.state === change.from, `${change.sid} is ${status.state}, not ${change.from}`)
      assertLegalEdge(serviceEdges, change.sid, change.from, change.to)
      view.services.set(change.sid, {
        ...service,
        status: { ...status, ...change.set, state: change.to, sinceMs: view.nowMs, note: '' },
      })
      return
    }
    case 'service.changed':
      view.services.set(change.sid, { ...service, status: { ...statusOf(service), ...change.set } })
      return
    case 'service.dropped':
      return keep(view, { ...service, status: null })
  }
}

function serviceOf(view: WorkingView, sid: string): ServiceView {
  const service = view.services.get(sid)
  assert(service, `no service ${sid}`)
  return service
}

function statusOf(service: ServiceView): ServiceStatus {
  assert(service.status !== null, `${service.sid} has no status`)
  return service.status
}
