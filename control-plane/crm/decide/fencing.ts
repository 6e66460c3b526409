// A silent node and the services it may still run: wait for its deadline, revoke, then look for proof (rules 5 and 6).
// Only services trigger it: a silent node that runs nothing of ours is just `unknown`.
// Where a fence device can switch it off, that begins before the deadline; both are then pursued side by side.
// Must never revoke before either is due, and never touch a service before its grant is closed.
import { isHandsOff } from '../../cluster/disarm.ts'
import { holderOn, liveTargetOf, otherHolder } from '../../cluster/grants.ts'
import { isAnswering } from '../../cluster/renewing.ts'
import type { NodeName, ServiceView, Sid } from '../../cluster/view.ts'
import type { ServiceState } from '../../../shared/service.ts'
import { decideChange, type Draft, lookAgainAt, nodesOf } from './draft.ts'
import { doubtAboutWatchdog, pursueEvidence } from './evidence.ts'
import { deviceNote, fenceDueMs, orderDevices } from './fence-devices.ts'
import { setNodeState } from './node-states.ts'
import { isSettling } from './outage.ts'
import { quarantineNote, seconds } from './quarantine.ts'
import { surveyOf } from './survey.ts'
import { toState } from './transition.ts'

/** Fences every silent node whose services are due, and records all proof there is. */
export function fenceSilentNodes(draft: Draft): void {
  const somebodyRenews = nodesOf(draft).some((node) => isAnswering(draft.view, node))
  for (const node of surveyOf(draft).restless) {
    const { name } = node
    if (isAnswering(draft.view, node)) continue
    if (node.lease.bootId !== null) fenceNode(draft, name, somebodyRenews)
    if (draft.view.nodes[name]!.revocations.length === 0) continue
    pursueEvidence(draft, name)
    orderDevices(draft, name, somebodyRenews)
    noteMissingEvidence(draft, name, somebodyRenews)
  }
}

function fenceNode(draft: Draft, name: NodeName, somebodyRenews: boolean): void {
  const { lease } = draft.view.nodes[name]!
  const isOver = lease.judgedUntilMs <= draft.nowMs
  // Whatever a node runs that was let go of its watchdog: nothing but its own word, or a person's, says more about it.
  if (isHandsOff(draft.view)) return
  const sids = [...draft.index.sidsOn(name)]
    .filter((sid) => triggersFence(draft.view.services.get(sid), name, lease.epoch))
    .sort()
  if (sids.length === 0) return
  const becameSilent = draft.changes.some(
    (change) => change.kind === 'node.state' && change.node === name && change.to === 'unknown',
  )
  if (becameSilent)
    draft.jobs.push({
      job: 'fence-node',
      node: name,
      epoch: lease.epoch,
      startAfterMs: fenceDueMs(draft, draft.view.nodes[name]!),
    })
  const obstacle = whyNotYet(draft, name, somebodyRenews)
  if (obstacle !== null) return noteAll(draft, name, sids, obstacle, leftAlone)
  const why = isOver
    ? `${name} is silent and its lease is over`
    : `${name} is silent and is to be switched off`
  decideChange(draft, {
    kind: 'lease.revoked',
    node: name,
    epoch: lease.epoch,
    mode: isOver ? 'expired' : 'silent',
    why,
  })
  for (const sid of sids) {
    const service = draft.view.services.get(sid)!
    if (service.status!.state === 'fence' || isElsewhere(service, name)) continue
    // Its source may be dead after the service has left: where it was going is where it may be.
    toState(draft, sid, 'fence', { target: liveTargetOf(service) }, why)
  }
  setNodeState(
    draft,
    name,
    'fence',
    'its lease is revoked; its services wait for proof that it is dead',
  )
}

/** Nobody is fenced for a service in one of these. */
const leftAlone: readonly ServiceState[] = ['error', 'freeze']

/** It holds a grant that this node may be using, and its state asks for it to be recovered. */
function triggersFence(service: ServiceView | undefined, node: NodeName, epoch: number): boolean {
  if (!service?.status || holderOn(service.grant, node)?.epoch !== epoch) return false
  return !leftAlone.includes(service.status.state)
}

/** Its node holds the grant as well: `name` is only the target of a live move, or what is left of one. */
function isElsewhere({ status, grant }: ServiceView, name: NodeName): boolean {
  return otherHolder(grant, name) !== undefined && otherHolder(grant, name)?.node === status?.node
}

function whyNotYet(draft: Draft, name: NodeName, somebodyRenews: boolean): string | null {
  const node = draft.view.nodes[name]!
  const quarantine = quarantineNote(draft)
  if (quarantine !== null) return quarantine
  const dueMs = fenceDueMs(draft, node)
  if (dueMs > draft.nowMs) {
    lookAgainAt(draft, dueMs)
    const isByDevice = dueMs < node.lease.judgedUntilMs
    const what = isByDevice ? `its fence device switches it off` : 'due'
    return `waits for evidence that ${name} is dead, ${what} in ${seconds(dueMs - draft.nowMs)}`
  }
  if (!somebodyRenews) return 'no node renews its lease: nobody is fenced while all are silent'
  if (isSettling(draft)) return `waits for ${name} to come back after an outage of all nodes`
  return null
}

function noteMissingEvidence(draft: Draft, name: NodeName, somebodyRenews: boolean): void {
  const node = draft.view.nodes[name]!
  const oldest = node.revocations[0]
  if (!oldest) return
  const doubt = quarantineNote(draft) ?? doubtAboutWatchdog(draft, node, oldest)
  if (doubt === null) return
  const isDue = doubt.startsWith('due in')
  const asks = node.epochRequest !== null && draft.challengeNotes.get(name)
  const device = deviceNote(draft, node, somebodyRenews)
  const waits = asks
    ? `waits for ${name} to settle what it still runs: ${asks}${device === null ? '' : `; ${device}`}`
    : `waits for evidence that ${name} is dead${isDue ? ', ' : ': '}${doubt}${
        device === null ? '' : `; ${device}`
      }${isDue ? '' : `; a person can confirm with: ha-manager fence confirm ${name}`}`
  const sids = [...draft.index.sidsOn(name)].filter(
    (sid) => holderOn(draft.view.services.get(sid)?.grant ?? null, name) !== undefined,
  )
  noteAll(draft, name, sids, waits)
}

function noteAll(
  draft: Draft,
  name: NodeName,
  sids: Sid[],
  note: string,
  unlessIn: readonly ServiceState[] = [],
): void {
  draft.nodeNotes.set(name, note)
  for (const sid of sids) {
    draft.serviceNotes.set(sid, note)
    draft.deathNotes.set(sid, { note, unlessIn })
  }
}
